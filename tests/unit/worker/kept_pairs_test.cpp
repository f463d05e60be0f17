// Raw pairs from a training to what its recorders are given.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "proto/hooke/error.h"
#include "tests/unit/worker/memory_recorder.h"
#include "tests/unit/worker/normal.h"
#include "worker/trainer/pair_table.h"
#include "worker/training/loop.h"

namespace hooke::training {
namespace {

using engine::Measure;
using hooke::tests::Memory;
using ::testing::ElementsAre;
using tests::kNever;

class KeptPairs : public ::testing::Test {
 protected:
  KeptPairs() {
    config_.data.set = "gaussians";
    config_.data.dimension = 4;
    config_.data.points = 20;
    config_.data.gaussian_means = {0.4, -0.2};
    config_.model.type = "mlp";
    config_.model.hidden = {5};
    config_.training.batch = 10;
    config_.probes.per_class = 3;
    config_.probes.every = 2;
    config_.probes.keep_pairs = true;
    config_.probes.updates = {{}, {"small", Optimizer::kSgd, 1e-3, 0}};
    config_.measures = {Measure::kKl, Measure::kLoss, Measure::kL2Published, Measure::kStiffness};
  }

  Memory run() {
    Memory memory;
    Loop loop(config_, options_);
    EXPECT_EQ(loop.run(memory, kNever), Outcome::kFinished);
    return memory;
  }

  static std::vector<std::string> keys_of(const Memory& memory) {
    std::vector<std::string> keys;
    for (const MatrixSeries& series : memory.series)
      if (series.per_class > 0) keys.push_back(series.key);
    return keys;
  }

  Config config_;
  RunOptions options_;
};

TEST_F(KeptPairs, GiveTheirMatricesAgain) {
  const Memory memory = run();
  ASSERT_EQ(memory.tables.size(), memory.matrices.size());
  ASSERT_EQ(memory.tables.size(), 2u * 7);
  for (std::size_t q = 0; q < memory.tables.size(); ++q) {
    const auto& [place, pairs] = memory.tables[q];
    EXPECT_EQ(place.first, memory.measured[q].first);
    EXPECT_EQ(place.second, memory.measured[q].second + ".pairs");
    const bool stiffness = place.second == "elasticity/stiffness.pairs";
    const engine::Matrix again = engine::reduce({2, 3, !stiffness}, pairs.above, pairs.below);
    EXPECT_EQ(again.mean, memory.matrices[q].mean) << place.second;
    EXPECT_EQ(again.ratio_of_means, memory.matrices[q].ratio_of_means);
    EXPECT_EQ(again.skipped, memory.matrices[q].skipped);
  }
  EXPECT_THAT(keys_of(memory),
              ElementsAre("elasticity/kl.pairs", "elasticity/loss.pairs", "elasticity/l2_published.pairs",
                          "elasticity/kl@small.pairs", "elasticity/loss@small.pairs",
                          "elasticity/l2_published@small.pairs", "elasticity/stiffness.pairs"));
  EXPECT_EQ(memory.series.back().eligible, engine::eligible_pairs({2, 3, false}));
}

TEST_F(KeptPairs, ChangeNothingElseAndAreTheSameForAnyNumberOfThreads) {
  const Memory one = run();
  options_.measuring_threads = 3;
  const Memory three = run();
  for (std::size_t q = 0; q < one.tables.size(); ++q)
    EXPECT_EQ(one.tables[q].second.above, three.tables[q].second.above) << one.tables[q].first.second;
  config_.probes.keep_pairs = false;
  const Memory without = run();
  EXPECT_TRUE(without.tables.empty());
  EXPECT_EQ(without.points, one.points);
  for (std::size_t q = 0; q < one.matrices.size(); ++q)
    EXPECT_EQ(one.matrices[q].mean, without.matrices[q].mean);
}

TEST_F(KeptPairs, OfARegressionAreOneGroup) {
  config_.data = {};
  config_.data.set = "teacher_student";
  config_.data.dimension = 5;
  config_.data.points = 40;
  config_.training.loss = engine::Loss::kSquared;
  config_.measures = {Measure::kL2};
  const Memory memory = run();
  EXPECT_THAT(keys_of(memory), ElementsAre("elasticity/l2.pairs", "elasticity/l2@small.pairs"));
  EXPECT_EQ(memory.series.size(), 2u);
  EXPECT_THAT(memory.series[0].class_names, ElementsAre("all"));
  EXPECT_THAT(memory.series[0].eligible, ElementsAre(9));
  ASSERT_EQ(memory.tables.size(), 4u);
  const auto& pairs = memory.tables[0].second;
  const float mean = engine::reduce({1, 3, true}, pairs.above, pairs.below).mean[0];
  EXPECT_EQ(mean, memory.points.at("elasticity/l2")[0].second);
}

TEST_F(KeptPairs, OfTooManyProbesAreRefused) {
  config_.data.points = 3000;
  config_.probes.per_class = 2049;
  try {
    Loop loop(config_, options_);
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.field(), "probes.keep_pairs");
    EXPECT_THAT(error.what(), ::testing::AllOf(::testing::HasSubstr("4098"), ::testing::HasSubstr("4096")));
  }
}

TEST(PairTable, HasRowsRespondingAndColumnsUpdated) {
  const engine::Pairs pairs{{1, 2, 3, 4}, {5, 6}};  // of the first updated: 1 at itself, 2 at the second
  const auto second = trainer::pair_rows(pairs, 2, 1, 1);
  EXPECT_THAT(second.numerators, ElementsAre(2, 4));
  EXPECT_THAT(second.denominators, ElementsAre(5, 6));
  const auto each = trainer::pair_rows({{1, 2, 3, 4}, {5, 6, 7, 8}}, 2, 0, 2);
  EXPECT_THAT(each.denominators, ElementsAre(5, 7, 6, 8));
}

TEST(PairTable, RoundsSoThatWhatIsSkippedStaysSo) {
  using Limits = std::numeric_limits<float>;
  EXPECT_EQ(trainer::stored(0), 0);
  EXPECT_EQ(trainer::stored(1e-200), Limits::denorm_min());
  EXPECT_EQ(trainer::stored(-1e-200), -Limits::denorm_min());
  EXPECT_EQ(trainer::stored(1e200), Limits::max());
  EXPECT_EQ(trainer::stored(-1e200), -Limits::max());
  EXPECT_EQ(trainer::stored(std::numeric_limits<double>::infinity()), Limits::infinity());
  EXPECT_TRUE(std::isnan(trainer::stored(std::numeric_limits<double>::quiet_NaN())));
  EXPECT_EQ(trainer::stored(0.1), 0.1f);
}

}  // namespace
}  // namespace hooke::training
