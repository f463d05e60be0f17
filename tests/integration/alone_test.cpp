// hooke-worker run: a run without a server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <map>
#include <sstream>

#include "tests/integration/alone.h"
#include "tests/integration/harness.h"

namespace hooke::harness {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class Alone : public testing::Test {
 protected:
  std::string config(const std::string& more = "") {
    return house_.config(
        "model: {type: mlp, hidden: [32]}\n"
        "training: {optimizer: sgd, lr: 0.02, momentum: 0.9, batch: 20, epochs: 60, seed: 5, "
        "checkpoint_every: "
        "20" +
        more + "}\nprobes: {per_class: 10, every: 2}\nmeasures: [kl, l2]\n");
  }
  fs::path out(const std::string& name) { return house_.folder() / name; }

  std::unique_ptr<Process> start(const std::string& config_file, const fs::path& folder,
                                 const std::vector<std::string>& more = {}) {
    return harness::start_alone(house_, ++starts_, config_file, folder, more);
  }
  static int end_of(Process& process) { return process.wait(std::chrono::seconds(240)).value_or(-1); }

  // Path below the folder to text, of every CSV file but those of what the machine does.
  static std::map<std::string, std::string> tables(const fs::path& folder) {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.path().extension() != ".csv" || entry.path().parent_path().filename() == "system") continue;
      std::stringstream text;
      text << std::ifstream(entry.path()).rdbuf();
      all[fs::relative(entry.path(), folder)] = text.str();
    }
    return all;
  }
  static std::size_t rows(const fs::path& file) {
    std::ifstream in(file);
    std::size_t count = 0;
    for (std::string line; std::getline(in, line);) ++count;
    return count;
  }
  // At least one of the first start and one of a later one.
  static void expect_increasing_steps(const fs::path& file) {
    std::stringstream text;
    text << std::ifstream(file).rdbuf();
    const auto table = csv(text.str());
    ASSERT_GE(table.size(), 3u) << text.str();
    for (std::size_t row = 2; row < table.size(); ++row)
      EXPECT_GT(std::stol(table[row][0]), std::stol(table[row - 1][0])) << text.str();
  }
  static std::size_t checkpoints(const fs::path& folder) {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      if (entry.path().extension() == ".ckpt") ++count;
    return count;
  }

  House house_;
  int starts_ = 0;
};

TEST_F(Alone, KilledAndStoppedAndStartedAgainItLeavesTheSameTables) {
  const std::string file = config();
  auto whole = start(file, out("whole"));
  ASSERT_EQ(end_of(*whole), 0) << whole->err();
  EXPECT_THAT(whole->err(), HasSubstr("step 539 of 540"));

  int killed = 0, stopped = 0;
  for (std::size_t kill = 0; kill < 6; ++kill) {
    auto part = start(file, out("parts"));
    const std::size_t wanted = 60 * (kill + 1);
    ASSERT_TRUE(
        eventually([&] { return !part->running() || rows(out("parts") / "train/loss.csv") > wanted; }));
    part->signal(kill % 2 == 0 ? SIGKILL : SIGINT);
    const int code = end_of(*part);
    if (code == 0) break;
    // SIGINT ends a start that does not listen yet.
    EXPECT_TRUE(code == 128 + SIGKILL || code == 128 + SIGINT || code == 75) << code << "\n" << part->err();
    (code == 75 ? stopped : killed) += 1;
  }
  EXPECT_GT(killed + stopped, 0) << "it ended before the first kill";
  auto rest = start(file, out("parts"));
  ASSERT_EQ(end_of(*rest), 0) << rest->err();
  const auto expected = tables(out("whole"));
  EXPECT_GE(expected.size(), 6u);
  EXPECT_EQ(tables(out("parts")), expected);
  EXPECT_LE(checkpoints(out("parts")), 2u);
  expect_increasing_steps(out("parts") / "system" / "memory.rss.csv");

  auto again = start(file, out("parts"));
  EXPECT_EQ(end_of(*again), 0);
  EXPECT_THAT(again->err(), HasSubstr("has finished"));
}

// As a version wrote it that did not have the field yet.
TEST_F(Alone, ARunFolderThatLacksADefaultIsThatRuns) {
  const std::string file = config();
  auto first = start(file, out("run"), {"--set", "training.epochs=1"});
  ASSERT_EQ(end_of(*first), 0) << first->err();
  std::stringstream text;
  text << std::ifstream(out("run") / "run.json").rdbuf();
  std::string older = text.str();
  const auto at = older.find("\"data_parallel\": false,");
  ASSERT_NE(at, std::string::npos) << older;
  older.erase(at, std::string("\"data_parallel\": false,").size());
  std::ofstream(out("run") / "run.json") << older;
  auto again = start(file, out("run"), {"--set", "training.epochs=1"});
  EXPECT_EQ(end_of(*again), 0) << again->err();
  EXPECT_THAT(again->err(), HasSubstr("has finished"));
}

TEST_F(Alone, RefusesWhatIsNotItsFolder) {
  const std::string file = config();
  auto first = start(file, out("run"), {"--set", "training.epochs=1"});
  ASSERT_EQ(end_of(*first), 0) << first->err();
  const auto before = tables(out("run"));

  auto other = start(file, out("run"), {"--set", "training.lr=0.5", "--set", "training.epochs=1"});
  EXPECT_EQ(end_of(*other), 2);
  EXPECT_THAT(other->err(), HasSubstr("another configuration (modified: training.lr: 0.02 -> 0.5)"));
  EXPECT_EQ(tables(out("run")), before);

  fs::create_directories(out("notes"));
  std::ofstream(out("notes") / "todo.txt") << "x";
  auto notes = start(file, out("notes"));
  EXPECT_EQ(end_of(*notes), 2);
  EXPECT_THAT(notes->err(), HasSubstr("todo.txt"));

  auto wrong = start(file, out("fresh"), {"--set", "training.lr=-1"});
  EXPECT_EQ(end_of(*wrong), 2);
  EXPECT_THAT(wrong->err(), HasSubstr("training.lr"));
  EXPECT_FALSE(fs::exists(out("fresh")));

  auto failed = start(file, out("failed"), {"--set", "data.path=nowhere"});
  EXPECT_EQ(end_of(*failed), 1);
  EXPECT_THAT(failed->err(), HasSubstr("nowhere"));
}

TEST_F(Alone, OneProcessAtATimeUsesAFolder) {
  const std::string file = config();
  auto first = start(file, out("run"));
  ASSERT_TRUE(eventually([&] { return rows(out("run") / "train/loss.csv") > 5; }));
  auto second = start(file, out("run"));
  const bool still_running = first->running();
  EXPECT_EQ(end_of(*second), 2);
  EXPECT_TRUE(still_running) << "it ended before it could be in the way";
  EXPECT_THAT(second->err(), HasSubstr("in use by another process"));
  first->signal(SIGTERM);
  EXPECT_EQ(end_of(*first), 75);
}

}  // namespace
}  // namespace hooke::harness
