// Runs that are interrupted go on from their checkpoints, with the bits of one left alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>

#include "tests/integration/harness.h"

namespace hooke::harness {
namespace {

using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

constexpr int kStepsPerEpoch = 9;
std::string config_text(int epochs) {
  return "model: {type: mlp, hidden: [32]}\n"
         "training: {optimizer: sgd, lr: 0.02, momentum: 0.9, batch: 20, seed: 5, checkpoint_every: 20, "
         "epochs: " +
         std::to_string(epochs) +
         "}\n"
         "probes: {per_class: 20, every: 1}\nmeasures: [kl, l2]\n";
}

class Resume : public testing::Test {
 protected:
  static constexpr int kEpochs = 60;

  Resume() {
    house_.start_server();
    config_ = house_.config(config_text(kEpochs));
  }

  std::string spool(const std::string& name) { return (house_.folder() / "spools" / name).string(); }
  Process& start_worker(const std::string& spool_name) {
    const std::string name = "w" + std::to_string(++workers_);
    return house_.start_worker(name, {"--spool", spool(spool_name)});
  }
  fs::path run_folder(const std::string& spool_name, const std::string& run) {
    return fs::path(spool(spool_name)) / run;
  }
  std::vector<fs::path> checkpoints(const fs::path& run_folder) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(run_folder))
      if (entry.path().extension() == ".ckpt") found.push_back(entry.path());
    return found;
  }

  // Waits until the run has a step after `least`, or has ended. False when it has ended.
  bool reach(const std::string& run, long least) {
    bool running = true;
    EXPECT_TRUE(eventually([&] {
      running = house_.run_column(run, "state") != "succeeded";
      return house_.step_of(run) > least || !running;
    }));
    return running;
  }

  // `run` succeeds, and its series are those of a run that is left alone now.
  void expect_as_undisturbed(const std::string& run, const std::string& config, int epochs) {
    EXPECT_EQ(house_.hooke({"wait", run}).exit_code, 0);
    const std::string undisturbed = house_.submit(config);
    EXPECT_EQ(house_.hooke({"wait", undisturbed}).exit_code, 0);
    const auto loss = csv(series(run, "train/loss"));
    ASSERT_EQ(loss.size(), static_cast<std::size_t>(epochs * kStepsPerEpoch + 1));
    for (std::size_t step = 0; step + 1 < loss.size(); ++step)
      ASSERT_EQ(loss[step + 1][0], std::to_string(step));
    for (const char* key : kComparedKeys) EXPECT_EQ(series(run, key), series(undisturbed, key)) << key;
    const auto memory = csv(series(run, "system/memory.rss"));
    ASSERT_GT(memory.size(), 1u);
    for (std::size_t row = 2; row < memory.size(); ++row)
      EXPECT_GT(std::stol(memory[row][0]), std::stol(memory[row - 1][0]));
  }

  std::string series(const std::string& run, const std::string& key) {
    return house_.answer({"series", "get", run, key, "--full", "-o", "csv"});
  }
  std::string shown(const std::string& run) { return house_.answer({"runs", "show", run, "-o", "json"}); }

  House house_{{.lease_period_s = 1}};
  std::string config_;
  int workers_ = 0;
};

TEST_F(Resume, AWorkerThatIsKilledAgainAndAgainLosesNothing) {
  const std::string run = house_.submit(config_);
  int resumed = 0;
  unsigned random = 12345;
  for (int kill = 0; kill < 4; ++kill) {
    Process& worker = start_worker("shared");
    random = random * 1664525u + 1013904223u;
    const bool running = reach(run, house_.step_of(run) + 10 + (random >> 16) % 60);
    worker.signal(SIGKILL);
    worker.wait(std::chrono::seconds(10));
    if (worker.err().find("resumes after step") != std::string::npos) ++resumed;
    if (!running) break;
    ASSERT_TRUE(eventually([&] { return house_.run_column(run, "state") == "queued"; }));
  }
  start_worker("shared");
  expect_as_undisturbed(run, config_, kEpochs);
  EXPECT_GT(resumed, 0);
  EXPECT_TRUE(eventually([&] { return checkpoints(run_folder("shared", run)).size() == 1; }))
      << "only the final checkpoint is needed";
}

TEST_F(Resume, WorkersThatDoNotSeeEachOthersCheckpointsBeginAgain) {
  const std::string run = house_.submit(config_);
  for (const char* place : {"here", "there", "here"}) {
    Process& worker = start_worker(place);
    ASSERT_TRUE(eventually([&] { return worker.err().find("started in") != std::string::npos; }));
    const bool running = reach(run, house_.step_of(run) + 40);
    worker.signal(SIGKILL);
    worker.wait(std::chrono::seconds(10));
    if (!running) break;
    ASSERT_TRUE(eventually([&] { return house_.run_column(run, "state") == "queued"; }));
  }
  start_worker("there");
  expect_as_undisturbed(run, config_, kEpochs);
}

TEST_F(Resume, AWorkerThatIsToldToStopLeavesACheckpointForTheNext) {
  const std::string rare = house_.config(
      config_text(kEpochs).replace(config_text(kEpochs).find("checkpoint_every: 20"),
                                   std::string("checkpoint_every: 20").size(), "checkpoint_every: 0"));
  const std::string run = house_.submit(rare);
  Process& first = start_worker("shared");
  ASSERT_TRUE(reach(run, 30));
  first.signal(SIGTERM);
  EXPECT_EQ(first.wait(std::chrono::seconds(60)), 0);
  EXPECT_EQ(house_.run_column(run, "state"), "queued");
  const long reached = house_.step_of(run);
  Process& second = start_worker("shared");
  expect_as_undisturbed(run, rare, kEpochs);
  EXPECT_THAT(second.err(), HasSubstr("resumes after step " + std::to_string(reached)));
  EXPECT_THAT(shown(run), HasSubstr("the worker was stopped"));
}

TEST_F(Resume, WhatTheServerHasNotGotIsSentFromTheOldSpool) {
  const std::string run = house_.submit(config_);
  Process& first = start_worker("shared");
  ASSERT_TRUE(reach(run, 30));
  house_.stop_server(SIGKILL);
  // It trains on without the server, to its end.
  EXPECT_TRUE(eventually([&] {
    for (const auto& file : checkpoints(run_folder("shared", run)))
      if (file.filename().string().starts_with("checkpoint-2")) return true;
    return false;
  }));
  first.signal(SIGKILL);
  first.wait(std::chrono::seconds(10));
  house_.start_server();
  ASSERT_TRUE(eventually([&] { return house_.run_column(run, "state") == "queued"; }));
  Process& second = start_worker("shared");
  expect_as_undisturbed(run, config_, kEpochs);
  EXPECT_THAT(second.err(), HasSubstr("resumes after step"));
}

TEST_F(Resume, AnAttemptThatWasTakenForDeadWritesNothingAnyMore) {
  const std::string run = house_.submit(config_);
  Process& first = start_worker("shared");
  ASSERT_TRUE(reach(run, 30));
  auto stopped = children_of(first.pid());
  stopped.push_back(first.pid());
  for (const pid_t pid : stopped) ::kill(pid, SIGSTOP);
  ASSERT_TRUE(eventually([&] { return house_.run_column(run, "state") == "queued"; }));
  Process& second = start_worker("shared");
  ASSERT_TRUE(eventually([&] { return second.err().find("resumes after step") != std::string::npos; }));
  ASSERT_TRUE(eventually([&] { return house_.run_column(run, "worker") == "w2"; }));
  for (const pid_t pid : stopped) ::kill(pid, SIGCONT);
  EXPECT_TRUE(eventually([&] {
    return first.err().find("was superseded by attempt 2") != std::string::npos ||
           first.err().find("has ended") != std::string::npos;
  }));
  expect_as_undisturbed(run, config_, kEpochs);
}

TEST_F(Resume, ADamagedCheckpointIsPassedOver) {
  const std::string run = house_.submit(config_);
  Process& first = start_worker("shared");
  ASSERT_TRUE(reach(run, 30));
  first.signal(SIGTERM);
  ASSERT_EQ(first.wait(std::chrono::seconds(60)), 0);
  for (const auto& file : checkpoints(run_folder("shared", run))) fs::resize_file(file, 1000);
  Process& second = start_worker("shared");
  expect_as_undisturbed(run, config_, kEpochs);
  EXPECT_THAT(second.err(), HasSubstr("is damaged"));
  EXPECT_THAT(second.err(), HasSubstr("begins the run again"));
}

TEST_F(Resume, AFolderThatIsThereAlreadyIsNotWrittenTo) {
  const std::string run = house_.submit(config_);
  const fs::path folder = run_folder("shared", run) / "1";
  fs::create_directories(folder);
  std::ofstream(folder / "records.spool") << "of an attempt that the server has forgotten";
  start_worker("shared");
  EXPECT_EQ(house_.hooke({"wait", run}).exit_code, 0);
  EXPECT_EQ(house_.run_column(run, "worker"), "w1");
  EXPECT_THAT(shown(run), HasSubstr("is there already, and nothing is overwritten"));
  EXPECT_THAT(shown(run), HasSubstr("\"attempt\": 2,"));
}

TEST_F(Resume, AServerThatIsRestoredFromABackupGetsWhatItHasLost) {
  const std::string run = house_.submit(config_);
  Process& worker = start_worker("shared");
  ASSERT_TRUE(reach(run, 30));
  const auto trainers = children_of(worker.pid());
  ASSERT_EQ(trainers.size(), 1u);
  const fs::path data = house_.folder() / "server", backup = house_.folder() / "backup";
  house_.server().signal(SIGSTOP);
  fs::copy(data, backup, fs::copy_options::recursive);
  house_.server().signal(SIGCONT);
  ASSERT_TRUE(reach(run, house_.step_of(run) + 60));
  ::kill(trainers[0], SIGSTOP);  // so that the run has not ended meanwhile
  house_.stop_server(SIGKILL);
  fs::remove_all(data);
  fs::rename(backup, data);
  house_.start_server();
  ::kill(trainers[0], SIGCONT);
  expect_as_undisturbed(run, config_, kEpochs);
  EXPECT_THAT(worker.err(), HasSubstr("it was restored from a backup"));
  EXPECT_THAT(worker.err(), HasSubstr("resumes after step"));
}

TEST_F(Resume, ARunThatWasCancelledGoesOnWhenItIsRetried) {
  const std::string run = house_.submit(config_);
  Process& worker = start_worker("shared");
  ASSERT_TRUE(reach(run, 30));
  house_.answer({"runs", "cancel", run});
  EXPECT_TRUE(eventually([&] { return worker.err().find("was cancelled") != std::string::npos; }));
  EXPECT_THAT(house_.hooke({"runs", "retry", run}).err, HasSubstr("queued again"));
  expect_as_undisturbed(run, config_, kEpochs);
  EXPECT_THAT(worker.err(), HasSubstr("resumes after step"));
}

TEST_F(Resume, AFullSpoolIsTheRunsReason) {
  house_.start_worker("small", {"--spool", spool("small"), "--spool-limit", "20000"});
  const std::string run = house_.submit(config_);
  const auto waited = house_.hooke({"wait", run});
  EXPECT_EQ(waited.exit_code, 3);
  EXPECT_THAT(waited.err, HasSubstr("would exceed its limit of 20000 bytes"));
}

TEST_F(Resume, AnExtendedRunIsTheLongerOneBitForBit) {
  start_worker("shared");
  const std::string run = house_.submit(house_.config(config_text(2)));
  EXPECT_EQ(house_.hooke({"wait", run}).exit_code, 0);
  const auto refused = house_.hooke({"runs", "extend", run, "--epochs", "2"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("more than the 2"));
  const auto extended = house_.hooke({"runs", "extend", run});
  EXPECT_EQ(extended.exit_code, 0);
  EXPECT_THAT(extended.err, HasSubstr("for 4 epochs instead of 2"));
  expect_as_undisturbed(run, house_.config(config_text(4)), 4);
  EXPECT_THAT(house_.answer({"runs", "show", run}), HasSubstr("extended to 4 epochs"));
  EXPECT_THAT(house_.answer({"runs", "show", run, "-o", "csv"}), HasSubstr("epochs before,2"));
  EXPECT_THAT(house_.answer({"runs", "logs", run}), HasSubstr("resumed after step 17"));
}

TEST_F(Resume, AnExtendedRunWithoutItsCheckpointFailsAndKeepsWhatItHas) {
  start_worker("shared");
  const std::string run = house_.submit(house_.config(config_text(2)));
  EXPECT_EQ(house_.hooke({"wait", run}).exit_code, 0);
  const std::string before = series(run, "train/loss");
  const fs::path folder = run_folder("shared", run);
  fs::rename(folder, folder.string() + ".away");
  house_.answer({"runs", "extend", run, "--epochs", "3"});
  const auto waited = house_.hooke({"wait", run});
  EXPECT_EQ(waited.exit_code, 3);
  EXPECT_THAT(waited.err, HasSubstr("must go on from a checkpoint of step 17"));
  EXPECT_EQ(series(run, "train/loss"), before);

  fs::remove_all(folder);
  fs::rename(folder.string() + ".away", folder);
  EXPECT_THAT(house_.hooke({"runs", "retry", run}).err, HasSubstr("queued again"));
  expect_as_undisturbed(run, house_.config(config_text(3)), 3);
}

}  // namespace
}  // namespace hooke::harness
