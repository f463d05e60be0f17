#include "tests/fault/trainings.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hooke::fault {
namespace {

constexpr const char* kTraining =
    "model: {type: mlp, hidden: [32]}\n"
    "training: {optimizer: adam, lr: 0.002, batch: 20, epochs: 240, seed: 5, checkpoint_every: 20}\n"
    "probes: {per_class: 10, every: 2}\nmeasures: [kl, l2]\n";

}  // namespace

Trainings::Trainings(harness::House& house) : house_(house), config_(house.config(kTraining)) {}

std::string Trainings::submit(const std::vector<std::string>& extra) {
  runs_.push_back(house_.submit(config_, extra));
  return runs_.back();
}

int Trainings::unfinished() {
  const auto rows = harness::csv(house_.answer({"runs", "list", "-o", "csv"}));
  return static_cast<int>(std::count_if(rows.begin(), rows.end(), [](const auto& row) {
    return row.at(2) == "queued" || row.at(2) == "running";
  }));
}

std::string Trainings::all_series(const std::string& run) {
  std::string out;
  for (const char* key : {"train/loss", "train/accuracy", "test/loss", "elasticity/kl[a,b]",
                          "elasticity/kl[b,b]", "elasticity/l2[d,a]"})
    out += house_.answer({"series", "get", run, key, "--full", "-o", "csv"});
  return out;
}

int Trainings::different() {
  const std::string undisturbed = house_.submit(config_);
  std::vector<std::string> waiting{"wait"};
  waiting.insert(waiting.end(), runs_.begin(), runs_.end());
  waiting.push_back(undisturbed);
  EXPECT_EQ(house_.hooke(waiting).exit_code, 0);
  const std::string loss = house_.answer({"series", "get", undisturbed, "train/loss", "--full", "-o", "csv"});
  EXPECT_EQ(harness::csv(loss).size(), kSteps + 1u);
  const std::string expected = all_series(undisturbed);
  return static_cast<int>(std::count_if(runs_.begin(), runs_.end(),
                                        [&](const std::string& run) { return all_series(run) != expected; }));
}

void expect_stored(harness::House& house, const std::filesystem::path& spools) {
  const auto report = house.hooke({"doctor", "--verify", "--against", spools.string(), "-o", "csv"});
  EXPECT_EQ(report.exit_code, 0) << report.out << report.err;
  const auto rows = harness::csv(report.out);
  ASSERT_GT(rows.size(), 1u) << "no spool in " << spools << "\n" << report.err;
  for (std::size_t i = 1; i < rows.size(); ++i) EXPECT_GT(std::stol(rows[i].at(2)), 0) << report.out;
}

}  // namespace hooke::fault
