// Programs that die in the middle of a run: it goes on, and its series stay whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>

#include "tests/integration/harness.h"

namespace hooke::harness {
namespace {

using testing::HasSubstr;

// Some seconds of work, measured at every other step: 9 steps an epoch.
constexpr int kEpochs = 60;
constexpr int kSteps = 9 * kEpochs;
const std::string kLong =
    "model: {type: mlp, hidden: [32]}\n"
    "training: {optimizer: sgd, lr: 0.02, momentum: 0.9, batch: 20, epochs: " +
    std::to_string(kEpochs) +
    ", seed: 5}\n"
    "probes: {per_class: 10, every: 2}\nmeasures: [kl, l2]\n";

std::string series(House& house, const std::string& run, const std::string& key) {
  return house.answer({"series", "get", run, key, "--full", "-o", "csv"});
}

// Every step once, and the figures of an undisturbed run with the same seed.
void expect_clean(House& house, const std::string& run, const std::string& undisturbed) {
  const auto loss = csv(series(house, run, "train/loss"));
  ASSERT_EQ(loss.size(), kSteps + 1u);
  for (int step = 0; step < kSteps; ++step) ASSERT_EQ(loss[step + 1][0], std::to_string(step));
  for (const char* key : kComparedKeys)
    EXPECT_EQ(series(house, run, key), series(house, undisturbed, key)) << key;
}

TEST(Faults, ARunFinishesOnASecondWorkerAfterTheFirstIsKilled) {
  House house({.lease_period_s = 2});
  house.start_server();
  Process& first = house.start_worker("first");
  const std::string config = house.config(kLong);
  const std::string run = house.submit(config);
  ASSERT_TRUE(eventually([&] { return house.step_of(run) > 20; }));
  const auto trainers = children_of(first.pid());
  ASSERT_EQ(trainers.size(), 1u);
  first.signal(SIGKILL);
  first.wait(std::chrono::seconds(10));
  const long reached = house.step_of(run);
  ASSERT_LT(reached, kSteps - 1) << "the run ended before the kill";
  EXPECT_TRUE(eventually([&] { return ::kill(trainers[0], 0) != 0; })) << "the trainer outlived its worker";
  house.start_worker("second");
  EXPECT_EQ(house.hooke({"wait", run}).exit_code, 0);
  const std::string undisturbed = house.submit(config);
  EXPECT_EQ(house.hooke({"wait", undisturbed}).exit_code, 0);
  expect_clean(house, run, undisturbed);
  EXPECT_EQ(house.run_column(run, "worker"), "second");
  EXPECT_THAT(house.answer({"runs", "show", run, "-o", "json"}), HasSubstr("REASON_KIND_LEASE_LAPSED"));
}

TEST(Faults, ARunGoesOnAfterTheServerIsKilledAndNoAcknowledgedStepIsMissing) {
  House house;
  house.start_server();
  house.start_worker("one");
  const std::string config = house.config(kLong);
  const std::string run = house.submit(config);
  for (const long least : {20L, 120L, 250L}) {
    ASSERT_TRUE(eventually([&] { return house.step_of(run) > least; }));
    const auto before = csv(series(house, run, "train/loss"));
    if (least == 20) {
      EXPECT_EQ(house.run_column(run, "state"), "running") << "the run ended before the kill";
    }
    house.stop_server(SIGKILL);
    house.start_server();
    const auto after = csv(series(house, run, "train/loss"));
    ASSERT_GE(after.size(), before.size());
    for (std::size_t i = 0; i < before.size(); ++i)
      ASSERT_EQ(after[i], before[i]) << "an acknowledged step is gone";
  }
  EXPECT_EQ(house.hooke({"wait", run}).exit_code, 0);
  EXPECT_THAT(house.answer({"runs", "show", run, "-o", "json"}), HasSubstr("\"attempt\": 1,"));
  const std::string undisturbed = house.submit(config);
  EXPECT_EQ(house.hooke({"wait", undisturbed}).exit_code, 0);
  expect_clean(house, run, undisturbed);
}

TEST(Faults, TrainingGoesToItsEndWhileTheServerHangs) {
  House house;
  house.start_server();
  Process& worker = house.start_worker("one");
  const std::string config = house.config(kLong);
  const std::string run = house.submit(config);
  ASSERT_TRUE(eventually([&] { return house.step_of(run) > 20; }));
  ASSERT_EQ(children_of(worker.pid()).size(), 1u);
  house.server().signal(SIGSTOP);
  EXPECT_TRUE(eventually([&] { return children_of(worker.pid()).empty(); })) << "the trainer waited for it";
  house.server().signal(SIGCONT);
  EXPECT_EQ(house.hooke({"wait", run}).exit_code, 0);
  const std::string undisturbed = house.submit(config);
  EXPECT_EQ(house.hooke({"wait", undisturbed}).exit_code, 0);
  expect_clean(house, run, undisturbed);
}

TEST(Faults, ATrainerThatIsKilledLeavesItsReasonAndTheRunIsTriedAgain) {
  House house;
  house.start_server();
  Process& worker = house.start_worker("one");
  const std::string config = house.config(kLong);
  const std::string run = house.submit(config);
  ASSERT_TRUE(eventually([&] { return house.step_of(run) > 20; }));
  const auto trainers = children_of(worker.pid());
  ASSERT_EQ(trainers.size(), 1u);
  ::kill(trainers[0], SIGKILL);
  EXPECT_EQ(house.hooke({"wait", run}).exit_code, 0);
  EXPECT_THAT(house.answer({"runs", "show", run, "-o", "json"}), HasSubstr("killed by signal 9"));
  const std::string undisturbed = house.submit(config);
  EXPECT_EQ(house.hooke({"wait", undisturbed}).exit_code, 0);
  expect_clean(house, run, undisturbed);
}

TEST(Faults, AWorkerThatIsToldToStopGivesItsLeaseBackAtOnce) {
  House house;  // its leases last a minute
  house.start_server();
  Process& worker = house.start_worker("one");
  const std::string run = house.submit(house.config(kLong));
  ASSERT_TRUE(eventually([&] { return house.step_of(run) > 20; }));
  worker.signal(SIGTERM);
  EXPECT_EQ(worker.wait(std::chrono::seconds(20)), 0);
  EXPECT_EQ(house.run_column(run, "state"), "queued");
  house.start_worker("two");
  EXPECT_EQ(house.hooke({"wait", run}).exit_code, 0);
  EXPECT_EQ(csv(series(house, run, "train/loss")).size(), kSteps + 1u);
}

TEST(Faults, ARunWhoseDataLackAClassFailsWithThatReason) {
  House house;
  house.start_server();
  house.start_worker("one");
  const std::string config = (house.folder() / "lacking.yaml").string();
  std::ofstream(config) << "data: {set: idx, path: images, classes: [0, 7]}\nmodel: {type: linear}\n";
  const std::string run = house.submit(config);
  const Result waited = house.hooke({"wait", run});
  EXPECT_EQ(waited.exit_code, 3);
  EXPECT_THAT(waited.err, HasSubstr("data.classes"));
  EXPECT_THAT(waited.err, HasSubstr("7"));
  EXPECT_EQ(house.run_column(run, "state"), "failed");
}

TEST(Faults, ATorchScriptProgramIsRunOnlyByAWorkerThatMay) {
  House house;
  house.start_server();
  std::ofstream(house.folder() / "data" / "net.pt") << "no program";
  const std::string config = house.config("model: {type: torchscript, path: net.pt}\n");
  Process& careful = house.start_worker("careful");
  const std::string refused = house.submit(config);
  EXPECT_THAT(house.hooke({"wait", refused}).err, HasSubstr("not started with --allow-torchscript"));
  EXPECT_EQ(house.run_column(refused, "state"), "failed");
  careful.signal(SIGTERM);
  ASSERT_EQ(careful.wait(std::chrono::seconds(60)), 0);
  house.start_worker("open", {"--allow-torchscript"});
  const std::string run = house.submit(config);
  EXPECT_THAT(house.hooke({"wait", run}).err, HasSubstr("does not work as a TorchScript program"));
}

TEST(Faults, ARunWhoseDataAreMissingFailsWithThatReason) {
  House house;
  house.start_server();
  house.start_worker("one");
  const std::string config = (house.folder() / "missing.yaml").string();
  std::ofstream(config) << "data: {set: idx, path: nowhere}\nmodel: {type: linear}\n";
  const std::string run = house.submit(config);
  const Result waited = house.hooke({"wait", run});
  EXPECT_EQ(waited.exit_code, 3);
  EXPECT_THAT(waited.err, HasSubstr("nowhere"));
}

}  // namespace
}  // namespace hooke::harness
