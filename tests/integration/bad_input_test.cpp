// What people type wrong: the exit code and a message that says what is wrong and what is allowed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/integration/harness.h"

namespace hooke::harness {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class BadInput : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    house_ = new House;
    house_->start_server();
    // Enough runs that one first letter stands for two of them.
    const std::string out =
        house_->answer({"submit", file("model: {type: linear}\n"), "--seeds", "40", "-q"});
    for (const auto& row : csv(out)) runs_.push_back(row[0]);
  }
  static void TearDownTestSuite() {
    delete house_;
    house_ = nullptr;
  }

  static std::string file(const std::string& rest) { return house_->config(rest); }

  static void expect(const std::vector<std::string>& arguments, int exit_code,
                     const std::vector<std::string>& words, const Environment& environment = {}) {
    const Result result = house_->hooke(arguments, environment);
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    EXPECT_THAT(result.out, IsEmpty());
    for (const std::string& word : words) EXPECT_THAT(result.err, HasSubstr(word));
  }

  static House* house_;
  static std::vector<std::string> runs_;
};

House* BadInput::house_ = nullptr;
std::vector<std::string> BadInput::runs_;

TEST_F(BadInput, AnUnknownFieldIsNamedWithItsLine) {
  expect({"submit", file("model: {type: linear}\ntraining: {learning_rate: 1}\n")}, 2,
         {"training.learning_rate", "line 3", "lr"});
}

TEST_F(BadInput, ANegativeLearningRateIsRefused) {
  expect({"submit", file("model: {type: linear}\ntraining: {lr: -0.1}\n")}, 2,
         {"training.lr", "-0.1", "0 or larger"});
  expect({"submit", file("model: {type: linear}\n"), "--set", "training.lr=-1"}, 2, {"training.lr", "-1"});
  expect({"submit", file("model: {type: linear}\n"), "--set", "training.rate=1"}, 2, {"training.rate"});
}

TEST_F(BadInput, ALabelThatTheSetDoesNotHaveIsRefused) {
  const std::string path = (house_->folder() / "label.yaml").string();
  std::ofstream(path) << "data: {set: fashion_mnist, classes: [0, 10]}\nmodel: {type: linear}\n";
  expect({"submit", path}, 2, {"data.classes.1", "10", "0 to 9"});
}

TEST_F(BadInput, AMissingConfigurationFileIsNamed) {
  expect({"submit", "/nonexistent/x.yaml"}, 2, {"/nonexistent/x.yaml"});
  expect({"config", "check", "/nonexistent/x.yaml"}, 2, {"/nonexistent/x.yaml"});
}

TEST_F(BadInput, AnUnknownPresetIsRefusedWithWhatThereIs) {
  expect({"submit", "--preset", "fashion"}, 2, {"fashion", "fashion-mnist"});
}

TEST_F(BadInput, AnUnreachableServerIsNamedWithAHint) {
  expect({"runs", "list"}, 1, {"127.0.0.1:1", "hooke up"}, {{"HOOKE_SERVER", "127.0.0.1:1"}});
}

TEST_F(BadInput, NoOrAWrongTokenIsNotAuthorised) {
  const std::string empty_state = (house_->folder() / "empty").string();
  expect({"runs", "list"}, 4, {"token"}, {{"HOOKE_TOKEN_FILE", ""}, {"XDG_STATE_HOME", empty_state}});
  expect({"runs", "list"}, 4, {"token"}, {{"HOOKE_TOKEN_FILE", ""}, {"HOOKE_TOKEN", "wrong"}});
}

TEST_F(BadInput, AnUnknownRunIsNamed) {
  expect({"runs", "show", "zzzzzzzz"}, 2, {"zzzzzzzz"});
  expect({"influence", "zzzzzzzz"}, 2, {"zzzzzzzz"});
  expect({"wait", "zzzzzzzz"}, 2, {"zzzzzzzz"});
}

TEST_F(BadInput, AnAmbiguousPrefixIsRefusedWithTheCandidates) {
  std::string prefix;
  std::vector<std::string> candidates;
  for (const std::string& run : runs_) {
    candidates.clear();
    for (const std::string& other : runs_)
      if (other[0] == run[0]) candidates.push_back(other);
    if (candidates.size() > 1) {
      prefix = run.substr(0, 1);
      break;
    }
  }
  ASSERT_GT(candidates.size(), 1u);
  const Result result = house_->hooke({"runs", "show", prefix});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr(candidates[0]));
}

TEST_F(BadInput, AQueuedRunHasNoFiguresYetAndSaysSo) {
  const Result result = house_->hooke({"influence", runs_[0]});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("no "));
  EXPECT_EQ(house_->answer({"series", "list", runs_[0], "-o", "json"}), "[]\n");
}

TEST_F(BadInput, UnknownOptionsAndCommandsAreUsageErrors) {
  expect({"frobnicate"}, 2, {"frobnicate"});
  expect({"runs", "list", "--frobnicate"}, 2, {"--frobnicate"});
  expect({"runs", "list", "-o", "xml"}, 2, {"xml", "csv"});
}

TEST_F(BadInput, NothingOfItWasStored) {
  const auto rows = csv(house_->answer({"experiments", "list", "-o", "csv"}));
  EXPECT_EQ(rows.size(), 2u) << "a refused submit left an experiment";
}

TEST_F(BadInput, AServerRefusesAFolderThatAnotherUses) {
  Process second({program("hooked"), "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data",
                  (house_->folder() / "server").string()},
                 {}, house_->folder() / "log" / "second");
  EXPECT_EQ(second.wait(std::chrono::seconds(20)), 1);
  EXPECT_THAT(second.err(), HasSubstr((house_->folder() / "server").string()));
}

TEST_F(BadInput, AServerWithoutTokensServesLoopbackOnly) {
  Process open({program("hooked"), "--listen", "0.0.0.0:0", "--no-auth", "--data",
                (house_->folder() / "open").string()},
               {}, house_->folder() / "log" / "open");
  EXPECT_NE(open.wait(std::chrono::seconds(20)).value_or(0), 0);
  EXPECT_THAT(open.err(), HasSubstr("loopback"));
}

}  // namespace
}  // namespace hooke::harness
