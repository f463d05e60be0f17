// Runs on a real Slurm: `hooke submit --on slurm`, and what becomes of them when Slurm interferes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <fstream>
#include <set>
#include <sstream>

#include "tests/cluster/cluster.h"

namespace hooke::harness {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

constexpr std::chrono::seconds kLong{240};

class Slurm : public testing::Test {
 protected:
  Slurm() { house_.start_server(); }

  // So many steps that a test can interfere; `measured`: each takes its time.
  std::string config(int epochs) {
    return house_.config(
        "model: {type: mlp, hidden: [32]}\n"
        "training: {optimizer: sgd, lr: 0.02, momentum: 0.9, batch: 20, seed: 5, epochs: " +
        std::to_string(epochs) +
        "}\n"
        "probes: {per_class: 20, every: 1}\nmeasures: [kl, l2]\n");
  }

  std::string spool() const { return (house_.folder() / "shared").string(); }
  Result hooke(const std::vector<std::string>& arguments, Environment extra = {}) {
    extra.merge(cluster_.environment());
    return house_.hooke(arguments, extra);
  }
  std::vector<std::string> on_slurm(const std::vector<std::string>& before,
                                    const std::vector<std::string>& after = {}) {
    std::vector<std::string> words = before;
    words.insert(words.end(),
                 {"--on", "slurm", "--spool", spool(), "--data-root", (house_.folder() / "data").string()});
    words.insert(words.end(), after.begin(), after.end());
    return words;
  }
  // The runs' ids.
  std::vector<std::string> submit(const std::string& config, const std::vector<std::string>& extra) {
    const auto result = hooke(on_slurm({"submit", config, "-q"}, extra));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    std::vector<std::string> ids;
    std::stringstream lines(result.out);
    for (std::string line; std::getline(lines, line);) ids.push_back(line);
    return ids;
  }

  std::string fact(const std::string& run, const std::string& name) {
    for (const auto& row : csv(house_.answer({"runs", "show", run, "-o", "csv"})))
      if (row[0] == name) return row[1];
    return "";
  }
  // Slurm's id of its task: the first word of "12_3 RUNNING on n1".
  std::string task_of(const std::string& run) {
    const std::string text = fact(run, "slurm");
    return text.substr(0, text.find(' '));
  }
  std::string state(const std::string& run) { return house_.run_column(run, "state"); }
  std::string refreshed_state(const std::string& run) {
    EXPECT_EQ(hooke({"runs", "list", "--refresh"}).exit_code, 0);
    return state(run);
  }
  bool reaches(const std::string& run, long step) {
    return eventually([&] { return house_.step_of(run) >= step; }, kLong);
  }
  bool succeeds(const std::string& run) {
    return eventually([&] { return state(run) == "succeeded"; }, kLong);
  }
  std::string series(const std::string& run, const std::string& key) {
    return house_.answer({"series", "get", run, key, "--full", "-o", "csv"});
  }
  // Has the series of a run of the same configuration that nothing disturbs.
  void expect_as_undisturbed(const std::string& run, const std::string& config) {
    house_.start_worker("pull");
    const std::string other = house_.submit(config);
    ASSERT_EQ(house_.hooke({"wait", other}).exit_code, 0);
    for (const char* key : {"train/loss", "test/loss", "elasticity/kl[a,b]", "elasticity/l2[d,d]"})
      EXPECT_EQ(series(run, key), series(other, key)) << key;
  }
  std::string history(const std::string& run) { return house_.answer({"runs", "show", run}); }

  Cluster cluster_{2};
  House house_;
};

TEST_F(Slurm, AnArrayOfFourRunsOverTwoNodesOneOfWhichIsCancelledByHand) {
  const auto runs = submit(config(1200), {"--seeds", "4"});
  ASSERT_EQ(runs.size(), 4u);
  for (const std::string& run : runs) ASSERT_TRUE(reaches(run, 5));
  const std::string array = task_of(runs[0]).substr(0, task_of(runs[0]).find('_'));
  std::set<std::string> nodes;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    EXPECT_THAT(fact(runs[i], "slurm"), HasSubstr(array + "_" + std::to_string(i) + " RUNNING on n"));
    nodes.insert(cluster_.field(task_of(runs[i]), "BatchHost"));
  }
  EXPECT_EQ(nodes.size(), 2u);
  cluster_.answer({"scancel", task_of(runs[2])});
  EXPECT_TRUE(eventually([&] { return refreshed_state(runs[2]) == "cancelled"; }));
  EXPECT_THAT(fact(runs[2], "reason"), HasSubstr("Slurm ended its task " + array + "_2: CANCELLED"));
  for (const int i : {0, 1, 3}) EXPECT_TRUE(succeeds(runs[static_cast<std::size_t>(i)]));
  // It goes on from the checkpoint that it left.
  EXPECT_EQ(hooke({"runs", "retry", runs[2]}).exit_code, 0);
  const auto launched = hooke(on_slurm({"runs", "launch", runs[2]}));
  EXPECT_EQ(launched.exit_code, 0) << launched.err;
  EXPECT_TRUE(succeeds(runs[2]));
  EXPECT_THAT(house_.answer({"runs", "logs", runs[2]}), HasSubstr("resumed after step"));
}

// Whether SIGTERM waits for a stopped process.
bool sigterm_pends(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  for (std::string key, value; in >> key; std::getline(in, value))
    if (key == "ShdPnd:") {
      in >> value;
      return (std::stoull(value, nullptr, 16) >> (SIGTERM - 1) & 1) != 0;
    }
  return false;
}

TEST_F(Slurm, TheTimeLimitIsACheckpointAndAnotherStartWithTheSameBits) {
  const std::string file = config(300);
  const auto run = submit(file, {"--time", "1"}).at(0);
  ASSERT_TRUE(reaches(run, 100));
  const pid_t trainer = cluster_.process_on(cluster_.field(task_of(run), "BatchHost"), "hooke-trainer");
  ASSERT_NE(trainer, 0);
  // It has so much to do that its time runs out; then Slurm warns, and it is told to stop.
  ::kill(trainer, SIGSTOP);
  EXPECT_TRUE(eventually([&] { return sigterm_pends(trainer); }, kLong));
  ::kill(trainer, SIGCONT);
  ASSERT_TRUE(succeeds(run)) << history(run);
  EXPECT_GE(std::stoi("0" + fact(run, "slurm restarts")), 1);
  EXPECT_THAT(house_.answer({"runs", "show", run, "-o", "json"}), HasSubstr("\"failedAttempts\": 0"));
  expect_as_undisturbed(run, file);
}

TEST_F(Slurm, AWarnedTaskIsQueuedAgainAndGoesOnWithTheSameBits) {
  const std::string file = config(300);
  const auto run = submit(file, {}).at(0);
  ASSERT_TRUE(reaches(run, 100));
  cluster_.answer({"scancel", "--batch", "--signal=USR1", task_of(run)});
  ASSERT_TRUE(succeeds(run)) << history(run);
  EXPECT_EQ(fact(run, "attempt"), "2");
  EXPECT_EQ(fact(run, "slurm restarts"), "1");
  EXPECT_THAT(house_.answer({"runs", "show", run, "-o", "json"}), HasSubstr("\"failedAttempts\": 0"));
  expect_as_undisturbed(run, file);
}

TEST_F(Slurm, ARunOnANodeThatDiesGoesOnOnAnother) {
  const std::string file = config(400);
  const auto run = submit(file, {}).at(0);
  ASSERT_TRUE(reaches(run, 100));
  cluster_.kill_node(cluster_.field(task_of(run), "BatchHost"));
  // Slurm notices, queues the task again, and the new start takes over although the old lease is alive.
  ASSERT_TRUE(succeeds(run)) << history(run);
  EXPECT_EQ(fact(run, "slurm restarts"), "1");
  EXPECT_THAT(house_.answer({"runs", "show", run, "-o", "json"}), HasSubstr("\"failedAttempts\": 0"));
  expect_as_undisturbed(run, file);
}

TEST_F(Slurm, ATaskThatWaitsSaysWhyAndIsCancelledWithItsRun) {
  cluster_.answer({"scontrol", "update", "partitionname=test", "state=down"});
  const auto run = submit(config(1), {}).at(0);
  ASSERT_TRUE(eventually([&] {
    refreshed_state(run);
    return fact(run, "slurm").find("PENDING (PartitionDown)") != std::string::npos;
  })) << fact(run, "slurm");
  EXPECT_EQ(state(run), "queued");
  const std::string task = task_of(run);
  EXPECT_EQ(hooke({"runs", "cancel", run}).exit_code, 0);
  // A task that never started is forgotten at once.
  EXPECT_THAT(cluster_.run({"squeue", "-h", "-t", "pending"}).out, testing::IsEmpty());
}

TEST_F(Slurm, TasksThatAreCancelledBeforeTheyStartEndTheirRuns) {
  cluster_.answer({"scontrol", "update", "partitionname=test", "state=down"});
  const auto runs = submit(config(1), {"--seeds", "2"});
  cluster_.answer({"scancel", task_of(runs[0]).substr(0, task_of(runs[0]).find('_'))});
  for (const std::string& run : runs)
    EXPECT_TRUE(eventually([&] { return refreshed_state(run) == "cancelled"; })) << history(run);
}

TEST_F(Slurm, NodesThatDoNotReachTheServerRecordAndSyncSends) {
  const std::string file = config(60);
  const auto runs = submit(file, {"--seeds", "2", "--offline"});
  ASSERT_EQ(runs.size(), 2u);
  const auto has_recorded = [&](const std::string& run) {
    return fs::exists(fs::path(spool()) / run / "1" / "records.spool");
  };
  ASSERT_TRUE(eventually([&] { return has_recorded(runs[0]) && has_recorded(runs[1]); }));
  cluster_.run({"scancel", "--batch", "--signal=USR1", task_of(runs[0])});
  const auto synced = hooke({"sync", spool(), "--every", "1"});
  EXPECT_EQ(synced.exit_code, 0) << synced.err;
  for (const std::string& run : runs) EXPECT_EQ(state(run), "succeeded") << synced.err;
  EXPECT_EQ(csv(house_.answer({"runs", "list", "-o", "csv"})).size(), 3u) << "no other runs";
  expect_as_undisturbed(runs[0], file);
}

TEST_F(Slurm, PullWorkersAsAnArrayTakeWhatIsQueued) {
  const auto launched = hooke(on_slurm({"workers", "launch", "2"}, {"--idle", "2"}));
  ASSERT_EQ(launched.exit_code, 0) << launched.err;
  const std::string run = house_.submit(config(5));
  EXPECT_EQ(house_.hooke({"wait", run}).exit_code, 0);
  EXPECT_THAT(fact(run, "slurm"), HasSubstr("_"));
  EXPECT_TRUE(eventually([&] { return cluster_.run({"squeue", "-h"}).out.empty(); })) << "idle workers end";
}

TEST_F(Slurm, TasksSeeTheGpusAndCpusThatTheyWereGiven) {
  // The virtual nodes' GPUs are none that LibTorch could use.
  const auto run = submit(config(1), {"--gpus", "2", "--sbatch", "cpus-per-task=2"}).at(0);
  EXPECT_EQ(house_.hooke({"wait", run}).exit_code, 3);
  EXPECT_THAT(house_.answer({"workers", "list", "-o", "json"}),
              AllOf(HasSubstr("cuda:0"), HasSubstr("cuda:1")));
  const auto plain = submit(config(1), {"--sbatch", "cpus-per-task=2"}).at(0);
  EXPECT_EQ(house_.hooke({"wait", plain}).exit_code, 0);
  EXPECT_THAT(house_.answer({"runs", "show", plain, "-o", "json"}), HasSubstr("\"threads\": 2"));
}

TEST_F(Slurm, WhatSlurmRefusesIsNotSubmitted) {
  const auto refused = hooke(on_slurm({"submit", config(1)}, {"--partition", "none"}));
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("sbatch refused: "));
  EXPECT_THAT(refused.err, HasSubstr("invalid partition specified: none"));
  EXPECT_EQ(house_.answer({"runs", "list", "-o", "json"}), "[]\n");
}

TEST_F(Slurm, WithoutSlurmNothingIsSubmittedEither) {
  const auto refused = house_.hooke(on_slurm({"submit", config(1)}), {{"PATH", "/nowhere"}});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("sbatch is not installed here"));
  EXPECT_EQ(house_.answer({"runs", "list", "-o", "json"}), "[]\n");
}

TEST_F(Slurm, TheTokenIsInAPrivateFileAndNowhereElse) {
  std::ifstream in(house_.folder() / "server/token");
  std::string token;
  in >> token;
  cluster_.answer({"scontrol", "update", "partitionname=test", "state=down"});
  Environment by_value{{"HOOKE_TOKEN", token}, {"HOOKE_TOKEN_FILE", ""}};
  const auto submitted = hooke(on_slurm({"submit", config(1)}), by_value);
  ASSERT_EQ(submitted.exit_code, 0) << submitted.err;
  int copies = 0;
  for (const auto& entry : fs::recursive_directory_iterator(spool())) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path());
    std::stringstream text;
    text << file.rdbuf();
    if (text.str().find(token) == std::string::npos) continue;
    ++copies;
    struct stat facts {};
    ASSERT_EQ(::stat(entry.path().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777u, 0600u) << entry.path();
  }
  EXPECT_EQ(copies, 1);
  // What Slurm keeps of the job: its script and its environment.
  for (const auto& entry : fs::recursive_directory_iterator(
           fs::path(cluster_.environment().at("SLURM_CONF")).parent_path() / "state")) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    EXPECT_THAT(text.str(), Not(HasSubstr(token))) << entry.path();
  }
}

}  // namespace
}  // namespace hooke::harness
