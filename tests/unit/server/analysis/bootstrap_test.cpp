#include "server/analysis/bootstrap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <functional>
#include <iostream>
#include <limits>
#include <random>

#include "server/analysis/statistics.h"

namespace hooke::analysis {
namespace {

// Numerators s(i, j) of responding probe i and updated probe j, all denominators 1.
PairTable table_of(std::size_t classes, std::size_t per_class,
                   const std::function<double(std::size_t, std::size_t)>& s) {
  PairTable table{classes, per_class, true, {}, std::vector<float>(classes * per_class, 1)};
  for (std::size_t i = 0; i < table.probes(); ++i)
    for (std::size_t j = 0; j < table.probes(); ++j) table.numerators.push_back(static_cast<float>(s(i, j)));
  return table;
}

// The cells as the engine reduces them, as far as the figures need them.
Cells cells_of(const PairTable& table) {
  const std::size_t k = table.classes, p = table.per_class, m = table.probes();
  Cells cells{k, std::vector<Cell>(k * k)};
  for (std::size_t r = 0; r < k; ++r) {
    for (std::size_t u = 0; u < k; ++u) {
      Cell& cell = cells.cells[r * k + u];
      double sum = 0, above = 0, below = 0;
      for (std::size_t i = r * p; i < (r + 1) * p; ++i) {
        for (std::size_t j = u * p; j < (u + 1) * p; ++j) {
          if (i == j && !table.self_pairs) continue;
          above += table.numerators[i * m + j];
          below += table.denominator(i, j);
          if (const auto s = ratio(table.numerators[i * m + j], table.denominator(i, j))) {
            sum += *s;
            ++cell.count;
          }
        }
      }
      cell.mean = sum / static_cast<double>(cell.count);
      cell.ratio_of_means = above / below;
    }
  }
  return cells;
}

Summary bootstrapped(const PairTable& table, Plane plane = Plane::kMean, BootstrapOptions options = {}) {
  const std::vector<Cells> run = {cells_of(table)};
  Summary summary = summarise(run, plane);
  bootstrap_over_probes(std::span(&table, 1), plane, options, summary);
  return summary;
}

void expect_exactly(const Estimate& estimate, double value) {
  ASSERT_TRUE(estimate.low && estimate.high);
  EXPECT_NEAR(*estimate.low, value, 1e-6 * std::fabs(value));
  EXPECT_NEAR(*estimate.high, value, 1e-6 * std::fabs(value));
}

TEST(Bootstrap, OfConstantCellsHasNoWidth) {
  // 3 within a class, 1 or 2 between classes.
  const auto s = [](std::size_t i, std::size_t j) { return i / 5 == j / 5 ? 3 : i < j ? 1 : 2; };
  const Summary summary = bootstrapped(table_of(2, 5, s));
  expect_exactly(summary.cells[0], 3);
  expect_exactly(summary.cells[1], 1);
  expect_exactly(summary.cells[2], 2);
  expect_exactly(summary.dominance, 1.5);
  expect_exactly(summary.dominance_ratio, 2);
  expect_exactly(summary.selectivity[0], 3 / 2.5);
  expect_exactly(summary.selectivity[1], 3 / 2.0);
  expect_exactly(summary.asymmetry, std::sqrt(2.0 / 23));
}

// A probe that is drawn twice is no pair with itself: S(x, x) = 1 keeps its share.
TEST(Bootstrap, KeepsTheShareOfPairsOfAProbeWithItself) {
  PairTable table = table_of(2, 5, [](std::size_t i, std::size_t j) { return i == j ? 1 : 0.25; });
  expect_exactly(bootstrapped(table).cells[0], 0.2 + 0.8 * 0.25);
  table.self_pairs = false;
  expect_exactly(bootstrapped(table).cells[0], 0.25);
}

TEST(Bootstrap, LeavesOutSkippedPairs) {
  PairTable table = table_of(2, 6, [](std::size_t i, std::size_t j) { return j == 1 || i == 9 ? 77 : 0.5; });
  table.denominators[1] = 0;
  // One for each pair: those of responding probe 9 are skipped as well.
  std::vector<float> each;
  for (std::size_t i = 0; i < 12; ++i)
    for (std::size_t j = 0; j < 12; ++j) each.push_back(i == 9 ? 0 : table.denominators[j]);
  table.denominators = each;
  for (const Estimate& cell : bootstrapped(table).cells) expect_exactly(cell, 0.5);
}

TEST(Bootstrap, OfTheRatioOfMeansDividesSums) {
  PairTable table = table_of(
      2, 5, [](std::size_t i, std::size_t j) { return (i < 5 ? 2 : -3) * static_cast<double>(j + 1); });
  for (std::size_t j = 0; j < 10; ++j) table.denominators[j] = static_cast<float>(j + 1);
  const Summary summary = bootstrapped(table, Plane::kRatioOfMeans);
  expect_exactly(summary.cells[0], 2);
  expect_exactly(summary.cells[3], -3);
}

// With an effect of responding probes alone a cell is their mean, whose interval is Student's.
TEST(Bootstrap, OfOneEffectIsStudentsInterval) {
  const std::size_t p = 20;
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  std::vector<double> effect(2 * p);
  for (double& value : effect) value = 5 + normal(random);
  const PairTable table = table_of(2, p, [&](std::size_t i, std::size_t) { return effect[i]; });
  const Summary summary = bootstrapped(table, Plane::kMean, {10'000, 0.95});
  const std::span<const double> of_class(effect.data(), p);
  const double half =
      t_quantile(0.975, p - 1) * standard_deviation(of_class) / std::sqrt(static_cast<double>(p));
  const Estimate& cell = summary.cells[1];  // responding 0, updated 1
  EXPECT_NEAR(cell.value, mean(of_class), 1e-6);
  EXPECT_NEAR(*cell.low, cell.value - half, 0.12 * half);
  EXPECT_NEAR(*cell.high, cell.value + half, 0.12 * half);
}

// S = mean + effect of x' + effect of x + noise, S(x, x) = 1. A probe has one effect on (and from) its
// own class and one on the others; those of one probe as responding and as updated are correlated.
struct Simulation {
  double own = 0.6, other = 0.3;
  std::size_t per_class = 10;
  double effect = 0.1, noise = 0.1;

  PairTable draw(std::mt19937_64& random) const {
    std::normal_distribution<double> normal;
    std::vector<double> responding(4 * per_class), updated(4 * per_class);  // [probe][own class or not]
    for (std::size_t i = 0; i < responding.size(); ++i) {
      responding[i] = effect * normal(random);
      updated[i] = 0.5 * responding[i] + effect * normal(random);
    }
    return table_of(2, per_class, [&](std::size_t i, std::size_t j) {
      if (i == j) return 1.0;
      const bool same = i / per_class == j / per_class;
      return (same ? own : other) + responding[2 * i + same] + updated[2 * j + same] + noise * normal(random);
    });
  }
};

struct Coverage {
  double own = 0, other = 0, dominance = 0;
};

Coverage coverage_of(const Simulation& simulation, double level, int rounds) {
  const double share = 1.0 / static_cast<double>(simulation.per_class);
  const double own = share + (1 - share) * simulation.own;
  std::mt19937_64 random(2);
  Coverage coverage;
  for (int round = 0; round < rounds; ++round) {
    const Summary summary = bootstrapped(simulation.draw(random), Plane::kMean, {400, level});
    const auto covers = [&](const Estimate& estimate, double truth) {
      return (*estimate.low <= truth && truth <= *estimate.high) / static_cast<double>(rounds);
    };
    coverage.own += covers(summary.cells[0], own);
    coverage.other += covers(summary.cells[1], simulation.other);
    coverage.dominance += covers(summary.dominance, own - simulation.other);
  }
  std::cout << "level " << level << ": covered " << coverage.own << ", " << coverage.other << ", "
            << coverage.dominance << '\n';
  return coverage;
}

TEST(Bootstrap, CoversTheTruthAsOftenAsItSays) {
  constexpr int kRounds = 800;
  for (const double level : {0.95, 0.8}) {
    const Coverage coverage = coverage_of({}, level, kRounds);
    // Four binomial standard deviations, and 2% for what the method is off.
    const double allowed = 4 * std::sqrt(level * (1 - level) / kRounds) + 0.02;
    EXPECT_NEAR(coverage.own, level, allowed);
    EXPECT_NEAR(coverage.other, level, allowed);
    EXPECT_NEAR(coverage.dominance, level, allowed);
  }
}

// Noise of single pairs counts up to three times in the variance (Owen 2007): too wide, never too narrow.
TEST(Bootstrap, IsWideWhereNoiseOfSinglePairsIsAllThereIs) {
  Simulation simulation;
  simulation.effect = 0;
  const Coverage coverage = coverage_of(simulation, 0.8, 200);
  EXPECT_GT(coverage.own, 0.8);
  EXPECT_GT(coverage.other, 0.8);
}

TEST(Bootstrap, OverSeveralStepsIsOfTheirMean) {
  std::mt19937_64 random(3);
  const PairTable one = Simulation().draw(random), two = Simulation().draw(random);
  PairTable middle = one;
  for (std::size_t at = 0; at < middle.numerators.size(); ++at)
    middle.numerators[at] = (one.numerators[at] + two.numerators[at]) / 2;
  const std::vector<PairTable> steps = {one, two};
  const std::vector<Cells> cells = {cells_of(one), cells_of(two)}, mean_cells = {average(cells)};
  Summary summary = summarise(mean_cells, Plane::kMean);
  bootstrap_over_probes(steps, Plane::kMean, {}, summary);
  const Summary expected = bootstrapped(middle);
  EXPECT_NEAR(*summary.cells[0].low, *expected.cells[0].low, 1e-6);
  EXPECT_NEAR(*summary.dominance.high, *expected.dominance.high, 1e-6);
}

TEST(Bootstrap, GivesOneAnswerAndNoneWhereThereIsNone) {
  std::mt19937_64 random(4);
  PairTable table = Simulation().draw(random);
  EXPECT_EQ(bootstrapped(table).dominance.low, bootstrapped(table).dominance.low);
  table.numerators[1] = std::numeric_limits<float>::quiet_NaN();
  const Summary diverged = bootstrapped(table);
  EXPECT_FALSE(diverged.cells[0].low);
  EXPECT_FALSE(diverged.dominance.low);
  EXPECT_TRUE(diverged.cells[3].low) << "other cells are as they were";
  EXPECT_FALSE(bootstrapped(table_of(2, 3, [](std::size_t, std::size_t) { return 1; })).dominance.low)
      << "three probes are too few";
  const Summary single = bootstrapped(table_of(1, 5, [](std::size_t, std::size_t) { return 2; }));
  expect_exactly(single.cells[0], 2);
  EXPECT_FALSE(single.dominance.low) << "one class dominates nothing";
}

TEST(Bootstrap, SpeedIsPrinted) {
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> uniform(0.5, 1.5);
  const PairTable table = table_of(20, 20, [&](std::size_t, std::size_t) { return uniform(random); });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(bootstrapped(table).dominance.low);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::cout << "400 x 400 pairs, 1000 resamples: " << took.count() << " s\n";
}

}  // namespace
}  // namespace hooke::analysis
