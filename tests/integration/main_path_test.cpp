// From a configuration file to answers, with the real programs over TCP.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <set>

#include "tests/integration/harness.h"

namespace hooke::harness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kShort =
    "name: short\n"
    "model: {type: mlp, hidden: [16]}\n"
    "training: {optimizer: sgd, lr: 0.05, batch: 20, epochs: 12, seed: 3}\n"
    "probes: {per_class: 4, every: 4, updates: [{optimizer: sgd, lr: 0.01}, {name: small, lr: 1e-6}]}\n"
    "measures: [kl, l2, l2_logit, loss]\n";

// 180 examples in batches of 20 for 12 epochs.
constexpr int kStepsOfShort = 9 * 12;

class MainPath : public testing::Test {
 protected:
  void SetUp() override {
    house_.start_server();
    house_.start_worker("one");
  }
  House house_;
};

TEST_F(MainPath, ASubmittedExperimentIsTrainedStoredAndAnswersTheSameAfterARestart) {
  const std::string submitted = house_.answer({"submit", house_.config(kShort), "--seeds", "2", "-q"});
  const auto runs = csv(submitted);
  ASSERT_EQ(runs.size(), 2u);
  const std::string first = runs[0][0];
  const std::string second = runs[1][0];
  ASSERT_EQ(house_.hooke({"wait", first, second}).exit_code, 0);

  const std::vector<std::vector<std::string>> questions = {
      {"runs", "list", "-o", "csv"},
      {"series", "list", first, "-o", "csv"},
      {"series", "get", first, "train/loss", "-o", "csv"},
      {"series", "get", first, "elasticity/kl[a,b]", "--full", "-o", "csv"},
      {"influence", "short", "--measure", "kl", "-o", "csv"},
      {"influence", first, "--measure", "kl", "--update", "small", "-o", "csv"},
      {"phases", first, "-o", "csv"},
      {"phases", "short", "--transitions", "-o", "csv"},
      {"influence", first, "-o", "json"},
      {"phases", first, "-o", "json"},
  };
  std::vector<std::string> before;
  for (const auto& question : questions) before.push_back(house_.answer(question));
  house_.stop_server(SIGTERM);
  house_.start_server();
  for (std::size_t i = 0; i < questions.size(); ++i)
    EXPECT_EQ(house_.answer(questions[i]), before[i]) << "question " << i;

  const auto loss = csv(before[2]);
  ASSERT_EQ(loss.size(), kStepsOfShort + 1u);
  EXPECT_THAT(loss[0], ElementsAre("step", "value"));
  for (int step = 0; step < kStepsOfShort; ++step) EXPECT_EQ(loss[step + 1][0], std::to_string(step));
  EXPECT_LT(std::stod(loss.back()[1]), std::stod(loss[1][1])) << "training did not lower the loss";

  const auto phases = csv(before[6]);
  EXPECT_THAT(phases[0], ElementsAre("from", "to", "kind", "slope", "slope_low", "slope_high"));
  EXPECT_GE(phases.size(), 2u);
  const auto transitions = csv(before[7]);
  EXPECT_THAT(transitions[0], ElementsAre("step", "low", "high", "p_value", "bic_gain", "seeds", "run"));
}

TEST_F(MainPath, AReportIsOnePageThatNeedsNoOther) {
  const auto runs =
      csv(house_.answer({"submit", house_.config(kShort), "--seeds", "2", "--name", "short", "-q"}));
  ASSERT_EQ(house_.hooke({"wait", "short"}).exit_code, 0);
  ASSERT_EQ(house_.hooke({"runs", "note", runs[0][0], "<script>alert(1)</script>"}).exit_code, 0);
  const std::string path = house_.config("") + ".html";
  ASSERT_EQ(house_.hooke({"report", "short", "--out", path}).exit_code, 0);
  std::ifstream in(path);
  const std::string page{std::istreambuf_iterator<char>(in), {}};
  for (const char* part : {"<!doctype html>", "elasticity/kl@small", "dominance", "train/loss", "<svg",
                           "Phases", "hooke influence short --measure kl --update small", "</html>"})
    EXPECT_THAT(page, HasSubstr(part));
  for (const auto& run : runs) EXPECT_THAT(page, HasSubstr(run[0]));
  for (const char* part : {"<script", "src=", "href=", "url(", "https://", "@import"})
    EXPECT_THAT(page, testing::Not(HasSubstr(part))) << "the page asks for something else, or runs something";
  EXPECT_EQ(house_.hooke({"report", "nothing", "--out", path}).exit_code, 2);
}

TEST_F(MainPath, AnInfluenceMatrixHasEveryCellWithItsCounts) {
  const std::string run = house_.submit(house_.config(kShort));
  ASSERT_EQ(house_.hooke({"wait", run}).exit_code, 0);
  const auto rows = csv(house_.answer({"influence", run, "--measure", "l2", "-o", "csv"}));
  ASSERT_EQ(rows.size(), 10u);
  EXPECT_THAT(rows[0], ElementsAre("responding", "updated", "mean", "sd", "count", "skipped",
                                   "ratio_of_means", "nonfinite"));
  std::set<std::pair<std::string, std::string>> cells;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    cells.insert({rows[i][0], rows[i][1]});
    EXPECT_GT(std::stod(rows[i][2]), 0);
    EXPECT_EQ(std::stol(rows[i][4]) + std::stol(rows[i][5]), 16) << "4 x 4 pairs of probes";
  }
  EXPECT_EQ(cells.size(), 9u);
  EXPECT_TRUE(cells.contains({"a", "d"}));

  const auto at_step = csv(house_.answer({"influence", run, "--measure", "l2", "--step", "4", "-o", "csv"}));
  const auto entry = csv(
      house_.answer({"series", "get", run, "elasticity/l2[a,d]", "--from", "4", "--to", "4", "-o", "csv"}));
  ASSERT_EQ(entry.size(), 2u);
  bool found = false;
  for (const auto& row : at_step)
    if (row[0] == "a" && row[1] == "d") {
      EXPECT_EQ(row[2], entry[1][1]) << "the matrix and its entry disagree";
      found = true;
    }
  EXPECT_TRUE(found);
}

TEST_F(MainPath, OneSeedTwiceGivesTheSameFigures) {
  const std::string config = house_.config(kShort);
  const std::string first = house_.submit(config);
  const std::string second = house_.submit(config);
  ASSERT_EQ(house_.hooke({"wait", first, second}).exit_code, 0);
  for (const char* key : {"train/loss", "test/accuracy", "elasticity/kl[a,a]", "elasticity/loss@small[b,d]"})
    EXPECT_EQ(house_.answer({"series", "get", first, key, "--full", "-o", "csv"}),
              house_.answer({"series", "get", second, key, "--full", "-o", "csv"}))
        << key;
}

// Played by the CPU: the first device trains, all measure, in float32: other batches are other roundings.
TEST_F(MainPath, SeveralDevicesTrainTheSameBitsAndMeasureAlike) {
  house_.start_worker("two", {"--devices", "cpu,cpu", "--labels", "devices=two"});
  const std::string config = house_.config(kShort);
  const std::string one = house_.submit(config), two = house_.submit(config, {"--require", "devices=two"});
  ASSERT_EQ(house_.hooke({"wait", one, two}).exit_code, 0);
  EXPECT_THAT(house_.answer({"runs", "show", two, "-o", "json"}), HasSubstr("\"device\": \"cpu,cpu\""));
  const auto series = [&](const std::string& run, const std::string& key) {
    return house_.answer({"series", "get", run, key, "--full", "-o", "csv"});
  };
  for (const char* key : {"train/loss", "test/accuracy"})
    EXPECT_EQ(series(one, key), series(two, key)) << key;
  for (const char* key : {"elasticity/l2[a,a]", "elasticity/l2[b,d]"}) {
    const auto expected = csv(series(one, key)), found = csv(series(two, key));
    ASSERT_EQ(found.size(), expected.size()) << key;
    ASSERT_GT(found.size(), 20u);
    for (std::size_t row = 1; row < found.size(); ++row)
      EXPECT_NEAR(std::stod(found[row][1]), std::stod(expected[row][1]), 1e-3 * std::stod(expected[row][1]))
          << key << " at step " << found[row][0];
  }
}

TEST_F(MainPath, ARunSaysWhatIsNeededToMakeItAgain) {
  const std::string run = house_.submit(house_.config(kShort));
  ASSERT_EQ(house_.hooke({"wait", run}).exit_code, 0);
  const std::string shown = house_.answer({"runs", "show", run, "-o", "json"});
  for (const char* word : {"libtorchVersion", "gitCommit", "datasetIndex", "configHash", "submitter",
                           "\"device\"", "dataChecksums", "history"})
    EXPECT_THAT(shown, HasSubstr(word));
}

TEST_F(MainPath, WatchingARunEndsWithIt) {
  const std::string run = house_.submit(house_.config(kShort));
  const Result watched = house_.hooke({"watch", run});
  EXPECT_EQ(watched.exit_code, 0);
  EXPECT_EQ(house_.run_column(run, "state"), "succeeded");
}

TEST_F(MainPath, ACancelledRunStopsAndWaitSaysSo) {
  const std::string run = house_.submit(house_.config("model: {type: mlp}\ntraining: {epochs: 100000}\n"));
  ASSERT_TRUE(eventually([&] { return house_.step_of(run) > 5; }));
  EXPECT_EQ(house_.hooke({"runs", "cancel", run}).exit_code, 0);
  EXPECT_EQ(house_.hooke({"wait", run}).exit_code, 3);
  EXPECT_EQ(house_.run_column(run, "state"), "cancelled");
  // The worker is free again: the next run is trained.
  const std::string next = house_.submit(house_.config(kShort));
  EXPECT_EQ(house_.hooke({"wait", next}).exit_code, 0);
}

TEST_F(MainPath, TheServerStopsWithinFiveSecondsWithStreamsOpen) {
  const std::string run = house_.submit(house_.config("model: {type: mlp}\ntraining: {epochs: 100000}\n"));
  ASSERT_TRUE(eventually([&] { return house_.step_of(run) > 5; }));
  Process watcher(
      {program("hooke"), "watch", run},
      {{"HOOKE_SERVER", house_.address()}, {"HOOKE_TOKEN_FILE", (house_.folder() / "server/token").string()}},
      house_.folder() / "log" / "hooke-watcher");
  ASSERT_TRUE(eventually([&] { return !watcher.out().empty() || !watcher.err().empty(); }));
  house_.server().signal(SIGTERM);
  EXPECT_EQ(house_.server().wait(std::chrono::seconds(5)), 0);
}

}  // namespace
}  // namespace hooke::harness
