// What Tab offers, and the shells' scripts in their shells.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>

#include "client/cli/man.h"
#include "tests/unit/client/cli_fixture.h"

namespace hooke::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> all;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) all.push_back(line);
  return all;
}

class Completion : public CliTest {
 protected:
  // The candidates alone.
  std::vector<std::string> offered(std::vector<std::string> words) {
    words.insert(words.begin(), "__complete");
    const Result result = hooke(words);
    EXPECT_EQ(result.code, 0);
    EXPECT_EQ(result.err, "");
    std::vector<std::string> all;
    for (const std::string& line : lines(result.out)) all.push_back(line.substr(0, line.find('\t')));
    return all;
  }
};

TEST_F(Completion, CommandsOptionsAndTheirValuesComeFromTheTree) {
  EXPECT_THAT(offered({"sub"}), ElementsAre("submit"));
  EXPECT_THAT(offered({"server", ""}), ElementsAre("status", "backup", "gc"));
  EXPECT_THAT(offered({"submit", "--dry"}), ElementsAre("--dry-run"));
  EXPECT_THAT(offered({"runs", "list", "--tok"}), ElementsAre("--token-file", "--token"));
  EXPECT_THAT(offered({"runs", "list", "-o", ""}), ElementsAre("table", "json", "csv"));
  EXPECT_THAT(offered({"runs", "list", "--output=j"}), ElementsAre("--output=json"));
  EXPECT_THAT(offered({"import", "c"}), ElementsAre("csv"));
  EXPECT_THAT(offered({"presets", "show", "fashion"}), ElementsAre("fashion-mnist"));
  EXPECT_THAT(offered({"submit", ""}), ElementsAre(":files"));
  EXPECT_THAT(offered({"sync", ""}), ElementsAre(":folders"));
  EXPECT_THAT(offered({"submit", "--name", ""}), IsEmpty());
  EXPECT_THAT(offered({"frobnicate", ""}), IsEmpty());
  EXPECT_EQ(offered({}), offered({""})) << "no word is an empty one";
}

TEST_F(Completion, NamesComeFromTheServer) {
  Script script = two_runs();
  v1::SeriesInfo series;
  series.set_key("elasticity/kl@small");
  series.set_kind(v1::SERIES_KIND_MATRIX);
  script.series.push_back(series);
  series.set_key("train/loss");
  series.set_kind(v1::SERIES_KIND_SCALAR);
  script.series.push_back(series);
  serve(script);
  EXPECT_THAT(offered({"runs", "show", ""}), ElementsAre("k3f9aaaa", "k3f1bbbb"));
  EXPECT_THAT(offered({"runs", "show", "k3f9"}), ElementsAre("k3f9aaaa"));
  EXPECT_THAT(offered({"watch", "shi"}), ElementsAre("shirts"));
  EXPECT_THAT(offered({"compare", "k3f9aaaa", "k"}), ElementsAre("k3f1bbbb")) << "not twice the same";
  EXPECT_THAT(offered({"series", "get", "k3f9aaaa", "train"}), ElementsAre("train/loss"));
  EXPECT_THAT(offered({"influence", "k3f9aaaa", "--update", ""}), ElementsAre("small"));
  EXPECT_THAT(offered({"runs", "list", "--experiment=s"}), ElementsAre("--experiment=shirts"));
}

TEST_F(Completion, TheServerIsTheOneThatTheLineNames) {
  serve(two_runs());
  const std::string address = variables_["HOOKE_SERVER"];
  variables_["HOOKE_SERVER"] = "127.0.0.1:1";
  EXPECT_THAT(offered({"--server", address, "watch", "shi"}), ElementsAre("shirts"));
  EXPECT_THAT(offered({"--server=" + address, "watch", "shi"}), ElementsAre("shirts"));
}

TEST_F(Completion, ItIsSilentWithoutAServerAndWithoutARight) {
  variables_["HOOKE_SERVER"] = "127.0.0.1:1";
  EXPECT_THAT(offered({"runs", "show", ""}), IsEmpty());
  variables_["HOOKE_SERVER"] = "no address";
  EXPECT_THAT(offered({"runs", "show", ""}), IsEmpty());
  Script script = two_runs();
  script.token = "secret";
  serve(script);
  EXPECT_THAT(offered({"runs", "show", ""}), IsEmpty());
}

// Shells that a machine lacks are skipped only when HOOKE_SKIP_SHELLS names them, as "zsh fish".
class Shells : public testing::TestWithParam<const char*> {
 protected:
  std::string shell(const std::string& script) {
    const auto file = folder_.write("script", script);
    // The program under test goes before any that is installed.
    const std::string path = std::filesystem::path(HOOKE_PROGRAM).parent_path();
    const std::string command = "PATH='" + path + "':$PATH HOOKE_SERVER=127.0.0.1:1 HOME='" +
                                folder_.path().string() + "' " + GetParam() + " '" + file.string() + "' 2>&1";
    std::FILE* pipe = ::popen(command.c_str(), "r");
    std::string text;
    char buffer[512];
    while (const std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe)) text.append(buffer, got);
    EXPECT_EQ(::pclose(pipe), 0) << text;
    return text;
  }
  TemporaryFolder folder_;
};

// Prints what the shell would offer for "hooke runs l" and for "hooke sync SOME/FOL".
std::string questions(const std::string& shell, const std::string& folder) {
  const std::string second = "hooke sync " + folder;
  if (shell == "bash")
    return "set -u\nsource <(hooke completion bash)\n"
           "ask() { COMP_LINE=$1 COMP_POINT=${#1}; COMP_WORDS=($1); COMP_CWORD=$((${#COMP_WORDS[@]}-1));\n"
           "  _hooke; printf '%s\\n' \"${COMPREPLY[@]}\"; }\n"
           "ask 'hooke runs l'; ask '" +
           second +
           "'; ask 'hooke runs list --output=j'\n"
           "[[ $(complete -p hooke) == *_hooke* ]]\n";
  if (shell == "zsh")
    return "compdef() { registered=$2 }\n_describe() { print -l -- ${(P)2} }\n_files() { print -r -- files "
           "$* }\n"
           "source <(hooke completion zsh)\n"
           "ask() { words=(${=1}); CURRENT=${#words}; _hooke }\n"
           "ask 'hooke runs l'; ask '" +
           second +
           "'; ask 'hooke runs list --output=j'\n"
           "[[ $registered == hooke ]]\n";
  return "hooke completion fish | source\n"
         "complete -C 'hooke runs l'; complete -C '" +
         second + "'; complete -C 'hooke runs list --output=j'\n";
}

TEST_P(Shells, TheScriptOffersWhatTheProgramSays) {
  const std::string name = GetParam();
  const char* skipped = std::getenv("HOOKE_SKIP_SHELLS");
  if (skipped && std::string(skipped).find(name) != std::string::npos)
    GTEST_SKIP() << "told to skip " << name;
  ASSERT_EQ(std::system(("command -v " + name + " >/dev/null").c_str()), 0)
      << name << " is missing: install Debian's package " << name << ", or set HOOKE_SKIP_SHELLS=" << name;
  std::filesystem::create_directories(folder_.path() / "folder");
  const std::string text = shell(questions(name, (folder_.path() / "fol").string()));
  EXPECT_THAT(text, HasSubstr("list"));
  EXPECT_THAT(text, HasSubstr("logs"));
  EXPECT_THAT(text, Not(HasSubstr("cancel")));
  EXPECT_THAT(text, HasSubstr(name == "zsh" ? "files -/" : (folder_.path() / "folder").string()));
  // Bash takes '=' for a break between words, and wants what comes after it.
  EXPECT_THAT(lines(text), testing::Contains(testing::StartsWith(name == "bash" ? "json" : "--output=json")));
}

INSTANTIATE_TEST_SUITE_P(Each, Shells, testing::Values("bash", "zsh", "fish"),
                         [](const auto& shell) { return std::string(shell.param); });

TEST(ManPages, TextIsNeverARequestAndTheFormattersTakeEveryPage) {
  cli::CommandPage page;
  page.path = "hooke odd";
  page.summary = ".so /etc/passwd";
  page.footer = "Examples:\n  .ig\n  'quoted' \\back\n\nafter";
  const std::string text = cli::man_page(page);
  for (const std::string& line : lines(text)) {
    EXPECT_FALSE(line.starts_with(".so") || line.starts_with(".ig") || line.starts_with("'")) << line;
  }
  EXPECT_THAT(text, HasSubstr("\\eback"));

  TemporaryFolder folder;
  const std::string made = std::string(HOOKE_PROGRAM) + " __man " + folder.path().string();
  ASSERT_EQ(std::system(made.c_str()), 0);
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "hooke.1"));
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "hooke-runs-list.1"));
  ASSERT_EQ(std::system("command -v mandoc >/dev/null"), 0) << "install Debian's package mandoc";
  // The date is left out on purpose: the same sources give the same pages.
  const std::string check = "mandoc -T lint -W warning " + folder.path().string() +
                            "/*.1 | grep -v 'missing date' | grep -E 'WARNING|ERROR|UNSUPP'";
  EXPECT_NE(std::system(check.c_str()), 0) << "see the lines above";
}

}  // namespace
}  // namespace hooke::test
