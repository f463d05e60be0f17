// Help, as it is printed: a page for each command stands in golden/, so that a change of one is seen, and
// read, before it lands. HOOKE_UPDATE_GOLDEN=1 rewrites them:
//   HOOKE_UPDATE_GOLDEN=1 build/release/bin/test_cli --gtest_filter='Help.*'
#include <cstdlib>
#include <set>

#include "client/cli/output.h"
#include "tests/text_of.h"
#include "tests/unit/client/cli_fixture.h"

namespace hooke::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using tests::text_of;

using Words = std::vector<std::string>;

std::string joined(const Words& words, char between) {
  std::string text = "hooke";
  for (const std::string& word : words) text += between + word;
  return text;
}

class Help : public CliTest {
 protected:
  std::string page(Words command) {
    command.push_back("--help");
    const Result result = hooke(command);
    EXPECT_EQ(result.code, 0) << joined(command, ' ');
    EXPECT_EQ(result.err, "") << joined(command, ' ');
    return result.out;
  }

  // The whole tree, as help itself tells it.
  void walk(const Words& command, std::map<std::string, std::string>& pages) {
    const std::string text = page(command);
    pages[joined(command, '-')] = text;
    std::istringstream in(text);
    bool listed = false;
    for (std::string line; std::getline(in, line);) {
      if (line == "Commands:") {
        listed = true;
      } else if (line.empty()) {
        listed = false;
      } else if (listed && line.size() > 2 && line[2] != ' ') {
        Words below = command;
        below.push_back(line.substr(2, line.find(' ', 2) - 2));
        walk(below, pages);
      }
    }
  }
};

TEST_F(Help, EveryPageIsTheOneThatWasRead) {
  const fs::path golden = HOOKE_GOLDEN_HELP;
  const bool update = std::getenv("HOOKE_UPDATE_GOLDEN") != nullptr;
  std::map<std::string, std::string> pages;
  walk({}, pages);
  ASSERT_GT(pages.size(), 40u) << "the walk lost its way";
  if (update) {
    fs::remove_all(golden);
    fs::create_directories(golden);
  }
  std::set<std::string> known;
  for (const auto& [name, text] : pages) {
    const fs::path file = golden / (name + ".txt");
    known.insert(file.filename());
    if (update) std::ofstream(file) << text;
    EXPECT_TRUE(fs::exists(file)) << name << " has no page; HOOKE_UPDATE_GOLDEN=1 writes it";
    EXPECT_EQ(text, text_of(file)) << name;
  }
  for (const auto& entry : fs::directory_iterator(golden))
    EXPECT_TRUE(known.contains(entry.path().filename())) << entry.path() << " is of a command that is gone";
}

TEST_F(Help, EveryPageHasAnExampleAndFitsATerminal) {
  std::map<std::string, std::string> pages;
  walk({}, pages);
  for (const auto& [name, text] : pages) {
    const std::size_t examples = text.find("\nExamples:\n  ");
    ASSERT_NE(examples, std::string::npos) << name;
    std::string command = name;
    std::replace(command.begin(), command.end(), '-', ' ');
    EXPECT_THAT(text.substr(examples), HasSubstr(command)) << name;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) EXPECT_LE(cli::width(line), 110u) << name << ": " << line;
    for (const char* leftover : {"TEXT:", "INT", "FLOAT", "REQUIRED", "Excludes", "[OPTION]"})
      EXPECT_EQ(text.find(leftover), std::string::npos) << name << " shows " << leftover;
  }
}

}  // namespace
}  // namespace hooke::test
