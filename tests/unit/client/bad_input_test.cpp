// Exit codes and messages: what is wrong, which value, what is allowed; and nothing on standard out.
#include <sys/stat.h>

#include "tests/unit/client/cli_fixture.h"

namespace hooke::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class BadInput : public CliTest {
 protected:
  BadInput() { serve(two_runs()); }

  void expect(const std::vector<std::string>& arguments, int code, const std::vector<std::string>& words) {
    const Result result = hooke(arguments);
    EXPECT_EQ(result.code, code) << result.err;
    EXPECT_THAT(result.out, IsEmpty());
    EXPECT_THAT(result.err, testing::StartsWith("hooke: "));
    for (const std::string& word : words) EXPECT_THAT(result.err, HasSubstr(word));
  }

  std::string config(const std::string& rest) {
    return folder_.write("config.yaml", "data: {set: fashion_mnist}\nmodel: {type: linear}\n" + rest);
  }
};

TEST_F(BadInput, UsageErrorsEndWith2AndNameTheHelp) {
  expect({"frobnicate"}, 2, {"frobnicate", "hooke --help"});
  expect({"runs"}, 2, {"hooke runs --help"});
  expect({"runs", "list", "-o", "xml"}, 2, {"xml", "table", "json", "csv", "hooke runs list --help"});
  expect({"influence"}, 2, {"TARGET"});
  expect({"influence", "k3f9", "--step", "x"}, 2, {"--step"});
  expect({"influence", "k3f9", "--step", "1", "--phase", "1"}, 2, {"--phase"});
  expect({"submit", "--seeds", "0"}, 2, {"--seeds"});
  expect({"runs", "frobnicate"}, 2, {"frobnicate"});
  EXPECT_EQ(hooke({}).code, 2);
}

TEST_F(BadInput, BytesThatAreNotUtf8AreRefusedWhereTheyNameNoFile) {
  expect({"runs", "note", "k3f9", "a\x9c"}, 2, {"UTF-8"});
  expect({"runs", "tag", "k3f9", "a=\x9c"}, 2, {"UTF-8"});
  expect({"runs", "show", "\x9c" + std::string(5000, 'a')}, 2, {"UTF-8"});
  EXPECT_EQ(server_->script().calls, 0);
  expect({"config", "check", folder_.write("\x9c.yaml", "data: {set: fashion_mnist}\n")}, 2, {"model.type"});
}

TEST_F(BadInput, AnUnknownFieldIsNamedWithItsLineAndWhatThereIs) {
  expect({"submit", config("training: {learning_rate: 1}\n")}, 2, {"training.learning_rate", "line 3", "lr"});
  EXPECT_EQ(server_->script().calls, 0) << "it is found before the server is asked";
}

TEST_F(BadInput, EveryWrongValueIsNamedWithItsLine) {
  expect({"config", "check", config("training:\n  lr: -1\n  batch: x\n  epochs: 0\n")}, 2,
         {"training.lr: -1", "line 4", "training.batch: 'x' is not allowed", "line 5",
          "training.epochs: 0 is not allowed", "line 6"});
}

TEST_F(BadInput, AWrongValueOfASweepSubmitsNothing) {
  const std::string file = config("");
  expect({"submit", file, "--set", "training.lr=-1"}, 2, {"training.lr: -1"});
  expect({"submit", file, "--set", "training.lr"}, 2, {"--set", "training.lr"});
  expect({"submit", file, "--sweep", "training.lr=0.1,-2"}, 2, {"training.lr: -2"});
  expect({"submit", file, "--sweep", "training.rate=1"}, 2, {"training.rate", "lr"});
  expect({"submit", file, "--tag", "x"}, 2, {"--tag"});
  EXPECT_EQ(server_->script().calls, 0);
}

TEST_F(BadInput, AFileThatIsNotThereIsNamed) {
  expect({"submit", "/nonexistent.yaml"}, 2, {"/nonexistent.yaml"});
  expect({"config", "check", folder_.path()}, 2, {"folder"});
  expect({"submit", folder_.write("broken.yaml", "a: [1\n")}, 2, {"not YAML", "broken.yaml"});
  expect({"submit"}, 2, {"--preset"});
  expect({"submit", "--preset", "fashion"}, 2, {"'fashion'", "fashion-mnist"});
}

TEST_F(BadInput, AnUnreachableServerIsNamedWithAHint) {
  variables_["HOOKE_SERVER"] = "127.0.0.1:1";
  expect({"runs", "list"}, 1, {"127.0.0.1:1", "hooke up", "HOOKE_SERVER"});
}

TEST_F(BadInput, NoTokenAndAWrongOneAreNotAuthorised) {
  server_->change([](Script& script) { script.token = "secret"; });
  expect({"runs", "list"}, 4, {"wants a token", "HOOKE_TOKEN_FILE"});
  variables_["HOOKE_TOKEN"] = "wrong";
  expect({"runs", "list"}, 4, {"HOOKE_TOKEN", "unknown token"});
  variables_["HOOKE_TOKEN"] = "secret";
  EXPECT_EQ(hooke({"runs", "list"}).code, 0);
}

TEST_F(BadInput, ATokenFileThatOthersCanReadIsRefusedWithTheRemedy) {
  const std::string file = folder_.write("token", "secret\n");
  ::chmod(file.c_str(), 0640);
  expect({"runs", "list", "--token-file", file}, 2, {"chmod 600", file});
}

TEST_F(BadInput, UnknownAndAmbiguousNamesAreTheServersErrors) {
  expect({"runs", "show", "zzz"}, 2, {"zzz"});
  expect({"wait", "zzz"}, 2, {"zzz"});
  expect({"runs", "show", "k3f"}, 2, {"k3f9aaaa", "k3f1bbbb"});
  expect({"influence", "k3f9", "--step", "5000"}, 2, {"5000", "0 to 315"});
  expect({"series", "get", "k3f9", "train/los"}, 2, {"train/los"});
  expect({"runs", "list", "--experiment", "k3f9"}, 2, {"is a run", "shirts"});
}

TEST_F(BadInput, AnExperimentWhereARunIsWantedNamesItsRuns) {
  expect({"series", "list", "shirts"}, 2, {"2 runs", "k3f9aaaa and k3f1bbbb"});
}

TEST_F(BadInput, OneWrongNameCancelsNothing) {
  expect({"runs", "cancel", "k3f9", "zzz"}, 2, {"zzz"});
  EXPECT_TRUE(server_->script().cancelled.empty());
}

TEST_F(BadInput, WhatIsNotThereYetIsAnErrorOfItsOwn) {
  server_->change([](Script& script) { script.influence.Clear(); });
  expect({"influence", "k3f9"}, 1, {"nothing was measured"});
}

TEST_F(BadInput, AnAnswerThatDoesNotFitTogetherIsRefused) {
  server_->change([](Script& script) { script.influence.mutable_cells()->RemoveLast(); });
  expect({"influence", "k3f9"}, 1, {"3 cells"});
}

}  // namespace
}  // namespace hooke::test
