// Links into the web app, and the browser that opens them.
#include <sys/stat.h>

#include <thread>

#include "client/cli/web_link.h"
#include "tests/text_of.h"
#include "tests/unit/client/cli_fixture.h"

namespace hooke::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using tests::text_of;

class Open : public CliTest {
 protected:
  // A program that leaves what it was asked to open in `opened`.
  void install_opener() {
    const fs::path file = folder_.path() / "xdg-open";
    std::ofstream(file) << "#!/bin/sh\necho \"$1\" > " << opened().string() << ".new\nmv "
                        << opened().string() << ".new " << opened().string() << "\n";
    ::chmod(file.c_str(), 0755);
    variables_["PATH"] = "/nonexistent:" + folder_.path().string();
  }
  fs::path opened() const { return folder_.path() / "opened"; }
  std::string link_to(const std::string& page) {
    const Result result = hooke({"open", page, "--http", "http://10.0.0.1:7071/"});
    EXPECT_EQ(result.code, 0) << result.err;
    return result.out;
  }
};

TEST(WebLink, TheTokenStandsBehindTheHash) {
  EXPECT_EQ(cli::web_link("http://h:1", "a b&c#", ""), "http://h:1/#token=a%20b%26c%23");
  EXPECT_EQ(cli::web_link("http://h:1", "t", "/runs/k3"), "http://h:1/#token=t&to=%2Fruns%2Fk3");
  EXPECT_EQ(cli::web_link("http://h:1", "", "/runs/k3"), "http://h:1/#/runs/k3");
  EXPECT_EQ(cli::web_link("http://h:1", "", ""), "http://h:1/");
}

TEST_F(Open, ALinkLeadsToTheRunOrTheExperiment) {
  serve(two_runs());
  EXPECT_EQ(link_to("k3f9"), "http://10.0.0.1:7071/#/runs/k3f9aaaa\n");
  EXPECT_EQ(link_to("shirts"), "http://10.0.0.1:7071/#/experiments/shirts\n");
  EXPECT_EQ(hooke({"open", "nothing", "--http", "http://10.0.0.1:7071"}).code, 2);
}

TEST_F(Open, AnAddressThatIsNotKnownOrNoneIsAnError) {
  serve(two_runs());
  const Result unknown = hooke({"open"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("--http"));
  EXPECT_EQ(hooke({"open", "--http", "10.0.0.1:7071"}).code, 2);
  EXPECT_EQ(hooke({"open", "--http", "javascript:alert(1)"}).code, 2);
}

// Others see a browser's arguments: the token is not among them.
TEST_F(Open, TheBrowserGetsAPageThatOnlyTheUserCanRead) {
  serve(two_runs());
  install_opener();
  variables_["DISPLAY"] = ":0";
  variables_["HOOKE_TOKEN"] = "secret";
  const Result result = hooke({"open", "--http", "http://10.0.0.1:7071"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "http://10.0.0.1:7071/#token=secret\n");
  for (int i = 0; i < 1000 && !fs::exists(opened()); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  std::string file = text_of(opened());
  ASSERT_FALSE(file.empty());
  file.pop_back();
  EXPECT_THAT(file, testing::Not(HasSubstr("secret")));
  EXPECT_THAT(text_of(file), HasSubstr("url=http://10.0.0.1:7071/#token=secret"));
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(Open, WithoutADisplayOrWhenToldSoTheLinkIsOnlyPrinted) {
  serve(two_runs());
  install_opener();
  EXPECT_EQ(hooke({"open", "--http", "http://10.0.0.1:7071"}).code, 0);
  variables_["DISPLAY"] = ":0";
  EXPECT_EQ(hooke({"open", "--print", "--http", "http://10.0.0.1:7071"}).code, 0);
  EXPECT_FALSE(fs::exists(folder_.path() / ".local/state/hooke/open.html"));
  variables_["PATH"] = "/nonexistent";
  const Result none = hooke({"open", "--http", "http://10.0.0.1:7071"});
  EXPECT_EQ(none.code, 0);
  EXPECT_THAT(none.err, HasSubstr("xdg-open"));
}

}  // namespace
}  // namespace hooke::test
