#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <fstream>
#include <thread>

#include "proto/hooke/error.h"
#include "worker/agent/trainer_process.h"
#include "worker/uplink/translate.h"

namespace hooke::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

TEST(Translate, JsonIsTheProtocolsOwn) {
  const auto record =
      uplink::to_protocol({4, spool::Kind::kJson, R"({"attemptStart":{"resumeStep":"7","totalSteps":90}})"});
  EXPECT_EQ(record.number(), 4u);
  EXPECT_EQ(record.attempt_start().resume_step(), 7);
  EXPECT_EQ(record.attempt_start().total_steps(), 90);
}

TEST(Translate, ScalarsAndMatricesKeepEveryValue) {
  const auto scalars =
      uplink::to_protocol({2, spool::Kind::kScalars,
                           spool::encode(spool::Scalars{3, 11, {{"train/loss", NAN}, {"test/loss", 0.25}}})});
  EXPECT_EQ(scalars.scalars().step(), 3);
  EXPECT_EQ(scalars.scalars().time_us(), 11);
  EXPECT_THAT(scalars.scalars().key(), ElementsAre("train/loss", "test/loss"));
  EXPECT_TRUE(std::isnan(scalars.scalars().value(0)));
  EXPECT_EQ(scalars.scalars().value(1), 0.25);

  const std::string planes(20, '\x7f');
  const auto matrix = uplink::to_protocol(
      {3, spool::Kind::kMatrix, spool::encode(spool::Matrix{9, 12, "elasticity/kl", 1, 1, planes})});
  EXPECT_EQ(matrix.matrix().step(), 9);
  EXPECT_EQ(matrix.matrix().key(), "elasticity/kl");
  EXPECT_EQ(matrix.matrix().planes(), planes);

  const auto pairs = uplink::to_protocol(
      {5, spool::Kind::kPairs, spool::encode(spool::Pairs{9, 12, "elasticity/kl.pairs", 2, planes, "1234"})});
  EXPECT_EQ(pairs.pairs().step(), 9);
  EXPECT_EQ(pairs.pairs().time_us(), 12);
  EXPECT_EQ(pairs.pairs().key(), "elasticity/kl.pairs");
  EXPECT_EQ(pairs.pairs().first_row(), 2);
  EXPECT_EQ(pairs.pairs().numerators(), planes);
  EXPECT_EQ(pairs.pairs().denominators(), "1234");
}

TEST(Translate, RefusesWhatIsNoRecord) {
  EXPECT_THROW(uplink::to_protocol({1, spool::Kind::kJson, "{"}), Error);
  EXPECT_THROW(uplink::to_protocol({1, spool::Kind::kJson, "{}"}), Error);
  EXPECT_THROW(uplink::to_protocol({1, spool::Kind::kJson, R"({"unknown":{}})"}), Error);
  EXPECT_THROW(uplink::to_protocol({1, spool::Kind::kScalars, "short"}), Error);
}

class Trainer : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "hooke-agent-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::vector<std::string> shell(const std::string& script) { return {"/bin/sh", "-c", script}; }
  fs::path log() { return folder_ / "log"; }

  ProcessEnd end_of(TrainerProcess& process) {
    while (true) {
      if (const auto end = process.poll()) return *end;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  fs::path folder_;
};

TEST_F(Trainer, ItsExitStatusAndOutputAreKept) {
  TrainerProcess process(shell("echo to stdout; echo to stderr >&2; exit 7"), log());
  const ProcessEnd end = end_of(process);
  EXPECT_EQ(end.exit_status, 7);
  EXPECT_EQ(end.signal, 0);
  EXPECT_EQ(reason_of(end, {}).message(), "trainer ended with exit status 7");
  EXPECT_THAT(tail(log(), 10), ElementsAre("to stdout", "to stderr"));
}

TEST_F(Trainer, ASignalIsNamed) {
  TrainerProcess process(shell("kill -SEGV $$"), log());
  const auto reason = reason_of(end_of(process), {"hooke-trainer: an older warning"});
  EXPECT_EQ(reason.kind(), v1::REASON_KIND_SIGNAL);
  EXPECT_EQ(reason.signal(), SIGSEGV);
  EXPECT_EQ(reason.message(), "trainer killed by signal 11 (Segmentation fault)");
}

TEST_F(Trainer, TheLastThingThatItSaidIsInTheReason) {
  TrainerProcess process(shell("echo hooke-trainer: spool x: No space left >&2; echo bye; exit 1"), log());
  const ProcessEnd end = end_of(process);
  EXPECT_EQ(reason_of(end, tail(log(), 10)).message(),
            "trainer ended with exit status 1: spool x: No space left");
  EXPECT_EQ(reason_of({0, SIGABRT}, {"terminate called", "  what():  out of memory"}).message(),
            "trainer killed by signal 6 (Aborted): out of memory");
}

TEST_F(Trainer, OneThatIgnoresTheRequestToStopIsKilled) {
  TrainerProcess process(shell("trap '' TERM; echo ready; while true; do sleep 0.05; done"), log());
  while (tail(log(), 1).empty()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(process.stop(100).signal, SIGKILL);
}

TEST_F(Trainer, OneThatStopsByItselfIsNotKilled) {
  TrainerProcess process(shell("trap 'exit 75' TERM; echo ready; while true; do sleep 0.05; done"), log());
  while (tail(log(), 1).empty()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(process.stop(60'000).exit_status, 75);
}

TEST_F(Trainer, AMissingProgramIsNamed) {
  try {
    TrainerProcess process({(folder_ / "no-trainer").string()}, log());
    FAIL() << "started nothing";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kUnavailable);
    EXPECT_THAT(error.what(), HasSubstr("no-trainer"));
  }
}

TEST_F(Trainer, TheTailOfALogIsItsLastLinesInPlainText) {
  std::ofstream(log()) << "one\ntwo\nthr\xe9"
                          "e\n"
                       << std::string(5000, 'x') << "\n";
  const auto lines = tail(log(), 2);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], "thr?e");
  EXPECT_EQ(lines[1].size(), 2000u);
  EXPECT_TRUE(tail(folder_ / "absent", 2).empty());
}

}  // namespace
}  // namespace hooke::agent
