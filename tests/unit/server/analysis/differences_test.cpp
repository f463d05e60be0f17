#include "server/analysis/differences.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "server/analysis/statistics.h"

namespace hooke::analysis {
namespace {

using testing::ElementsAre;

PairTable pair_table_of(std::size_t classes, std::size_t per_class,
                        const std::function<double(std::size_t, std::size_t)>& s) {
  PairTable table{classes, per_class, true, {}, std::vector<float>(classes * per_class, 1)};
  for (std::size_t i = 0; i < table.probes(); ++i)
    for (std::size_t j = 0; j < table.probes(); ++j) table.numerators.push_back(static_cast<float>(s(i, j)));
  return table;
}

std::vector<double> column(const Units& units, std::size_t quantity) {
  std::vector<double> values;
  for (std::size_t u = 0; u < units.size(); ++u) values.push_back(units.of(u)[quantity]);
  return values;
}

Cells cells_of(const std::vector<double>& means) {
  Cells cells{static_cast<std::size_t>(std::sqrt(static_cast<double>(means.size()))), {}};
  for (const double mean : means) cells.cells.push_back({mean, 0, 4, 0, 10 * mean, 0});
  return cells;
}

TEST(Quantities, AreCellsThenDominanceAsymmetryAndSelectivities) {
  const auto all = quantities_of(std::vector<double>{4, 1, 3, 6}, 2);
  ASSERT_EQ(all.size(), quantity_count(2));
  EXPECT_EQ(all[1], 1);
  EXPECT_DOUBLE_EQ(all[4], 3);
  EXPECT_DOUBLE_EQ(all[5], std::sqrt(8.0 / 62));
  EXPECT_DOUBLE_EQ(all[6], 4 / 3.5);
  EXPECT_DOUBLE_EQ(all[7], 6 / 3.5);
}

TEST(UnitsOfRuns, HaveTheFiguresOfEachRun) {
  std::vector<Cells> runs = {cells_of({4, 1, 3, 6}), cells_of({5, 1, 3, 6})};
  runs[1].cells[2].count = 0;
  const Units units = units_of_runs(runs, Plane::kMean);
  ASSERT_EQ(units.size(), 2u);
  EXPECT_THAT(column(units, 0), ElementsAre(4, 5));
  EXPECT_DOUBLE_EQ(units.of(0)[4], 3);
  EXPECT_TRUE(std::isnan(units.of(1)[2])) << "no pair";
  EXPECT_TRUE(std::isnan(units.of(1)[4])) << "nor any figure over it";
  EXPECT_DOUBLE_EQ(units_of_runs(runs, Plane::kRatioOfMeans).of(0)[0], 40);
}

// S = mean + effect of x' + effect of x: the pseudo-values are the mean and the effects of one probe number.
TEST(UnitsOfProbes, AreTheEffectsWhereThereIsNothingElse) {
  const double row[] = {0.5, -0.25, 0.125, 1, 2, -1, 0.75, 0.25}, col[] = {0.25, 1, -0.5, 2, 0, 0.5, -2, 1};
  const PairTable table =
      pair_table_of(2, 4, [&](std::size_t i, std::size_t j) { return 3 + row[i] + col[j]; });
  const Units units = units_of_probes({&table, 1}, Plane::kMean);
  ASSERT_EQ(units.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(units.of(i)[0], 3 + row[i] + col[i], 1e-6) << "of a class itself";
    EXPECT_NEAR(units.of(i)[1], 3 + row[i] + col[4 + i], 1e-6) << "the first class responds";
    EXPECT_NEAR(units.of(i)[2], 3 + row[4 + i] + col[i], 1e-6);
    EXPECT_NEAR(
        units.of(i)[4],
        (row[i] + col[i] + row[4 + i] + col[4 + i]) / 2 - (row[i] + col[4 + i] + row[4 + i] + col[i]) / 2,
        1e-6)
        << "dominance is linear in S";
  }
}

TEST(UnitsOfProbes, HaveTheCellsMeanWhateverThePairs) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  for (const bool self_pairs : {true, false}) {
    PairTable table =
        pair_table_of(2, 5, [&](std::size_t i, std::size_t j) { return i == j ? 9 : normal(random); });
    table.self_pairs = self_pairs;
    const Units units = units_of_probes({&table, 1}, Plane::kMean);
    for (const std::size_t cell : {0U, 1U}) {
      double sum = 0;
      for (std::size_t i = 0; i < 5; ++i)
        for (std::size_t j = 5 * cell; j < 5 * cell + 5; ++j)
          if (i != j || self_pairs) sum += table.numerators[i * 10 + j];
      EXPECT_NEAR(mean(column(units, cell)), sum / (cell == 0 && !self_pairs ? 20 : 25), 1e-6);
    }
  }
}

TEST(UnitsOfProbes, OverStepsAreOfTheMeanAndOfRatiosOfMeansDivideSums) {
  const PairTable one = pair_table_of(2, 4, [](std::size_t i, std::size_t j) { return i + 2.0 * j; });
  const PairTable two = pair_table_of(2, 4, [](std::size_t i, std::size_t j) { return 3.0 * i - j; });
  const PairTable middle =
      pair_table_of(2, 4, [](std::size_t i, std::size_t j) { return 2.0 * i + 0.5 * j; });
  const std::vector<PairTable> steps = {one, two};
  const Units over = units_of_probes(steps, Plane::kMean),
              expected = units_of_probes({&middle, 1}, Plane::kMean);
  constexpr std::size_t kAsymmetry = 5;
  for (std::size_t i = 0; i < over.size(); ++i)
    for (std::size_t q = 0; q < over.quantities; ++q)
      if (q == kAsymmetry) {
        EXPECT_TRUE(std::isnan(over.of(i)[q])) << "it has no pseudo-values";
      } else {
        EXPECT_NEAR(over.of(i)[q], expected.of(i)[q], 1e-5);
      }

  // Numerators are twice, and minus three times, denominators that differ from probe to probe.
  PairTable ratios =
      pair_table_of(2, 4, [](std::size_t i, std::size_t j) { return (i < 4 ? 2 : -3) * (j + 1.0); });
  for (std::size_t j = 0; j < 8; ++j) ratios.denominators[j] = static_cast<float>(j + 1);
  const Units units = units_of_probes({&ratios, 1}, Plane::kRatioOfMeans);
  for (const double value : column(units, 1)) EXPECT_NEAR(value, 2, 1e-5);
  for (const double value : column(units, 3)) EXPECT_NEAR(value, -3, 1e-5);
}

TEST(UnitsOfProbes, LeaveOutSkippedPairsAndKeepNan) {
  PairTable table = pair_table_of(2, 5, [](std::size_t, std::size_t j) { return j == 1 ? 77 : 0.5; });
  table.denominators[1] = 0;
  const Units units = units_of_probes({&table, 1}, Plane::kMean);
  for (std::size_t q = 0; q < 4; ++q)
    for (const double value : column(units, q)) EXPECT_NEAR(value, 0.5, 1e-6);
  table.numerators[7] = std::numeric_limits<float>::quiet_NaN();
  const Units diverged = units_of_probes({&table, 1}, Plane::kMean);
  EXPECT_TRUE(std::isnan(diverged.of(0)[1]));
  EXPECT_NEAR(diverged.of(0)[2], 0.5, 1e-6) << "other cells are as they were";
  for (std::size_t j = 0; j < 5; ++j) table.denominators[j] = 0;
  EXPECT_TRUE(std::isnan(units_of_probes({&table, 1}, Plane::kMean).of(0)[0])) << "no pair";
}

// Two windows whose S differ by noise of probes, and by 1 in the cell [2, 0].
struct Windows {
  std::vector<PairTable> tables;

  explicit Windows(const std::vector<std::size_t>& order = {0, 1, 2}) {
    constexpr std::size_t kPerClass = 12;
    std::mt19937_64 random(4);
    std::normal_distribution<double> normal;
    for (const double change : {0.0, 1.0}) {
      std::vector<double> row(3 * kPerClass), col(3 * kPerClass);
      for (std::size_t i = 0; i < row.size(); ++i) {
        row[i] = 0.1 * normal(random);
        col[i] = 0.1 * normal(random);
      }
      tables.push_back(pair_table_of(3, kPerClass, [&](std::size_t i, std::size_t j) {
        const std::size_t r = order[i / kPerClass], u = order[j / kPerClass];
        return 1.0 + (r == 2 && u == 0 ? change : 0) + row[r * kPerClass + i % kPerClass] +
               col[u * kPerClass + j % kPerClass];
      }));
    }
  }
  std::vector<Difference> compare() const {
    const Units one = units_of_probes({&tables[1], 1}, Plane::kMean),
                other = units_of_probes({&tables[0], 1}, Plane::kMean);
    const auto means = [](const Units& units) {
      std::vector<double> values;
      for (std::size_t q = 0; q < units.quantities; ++q) values.push_back(mean(column(units, q)));
      return values;
    };
    return differences(means(one), means(other), 3, paired_test(one, other, 9999));
  }
};

TEST(Differences, FindTheCellThatChanged) {
  const auto all = Windows().compare();
  ASSERT_EQ(all.size(), quantity_count(3));
  for (std::size_t cell = 0; cell < 9; ++cell) {
    ASSERT_TRUE(all[cell].p_holm);
    EXPECT_GE(*all[cell].p_holm, *all[cell].p_value);
    EXPECT_EQ(*all[cell].p_holm > 0.05, cell != 6) << cell;
  }
  EXPECT_LT(*all[6].p_holm, 0.01);
  EXPECT_NEAR(all[6].difference, 1, 0.2);
  EXPECT_DOUBLE_EQ(all[6].difference, all[6].value - all[6].against);
  EXPECT_LT(*all[9].p_holm, 0.05) << "dominance falls";
  EXPECT_LT(all[9].difference, 0);
}

TEST(Differences, ArePermutedWithTheClasses) {
  const auto all = Windows().compare(), turned = Windows({1, 2, 0}).compare();
  const std::size_t place[] = {2, 0, 1};  // of each old class among the new ones
  for (std::size_t r = 0; r < 3; ++r)
    for (std::size_t u = 0; u < 3; ++u) {
      const Difference &one = all[3 * r + u], &other = turned[3 * place[r] + place[u]];
      EXPECT_NEAR(other.difference, one.difference, 1e-6);
      EXPECT_EQ(other.p_value, one.p_value);
      EXPECT_EQ(other.p_holm, one.p_holm);
    }
}

TEST(Differences, HaveTwoFamiliesAndNoPValueWhereNothingWasTested) {
  PermutationTest test;
  test.p = {0.01, 0.02, kNan, 0.5, 0.01, 0.02, 0.5, 0.5};
  const std::vector<double> side = {1, 2, 3, 4, 5, 6, 7, 8}, against(8, 1.0);
  const auto all = differences(side, against, 2, test);
  EXPECT_DOUBLE_EQ(*all[0].p_holm, 0.03) << "of three cells";
  EXPECT_FALSE(all[2].p_value);
  EXPECT_FALSE(all[2].p_holm);
  EXPECT_DOUBLE_EQ(*all[4].p_holm, 0.04) << "of four figures";
  EXPECT_DOUBLE_EQ(all[3].difference, 3);
  for (const auto& one : differences(side, against, 2, std::nullopt)) EXPECT_FALSE(one.p_value);
}

}  // namespace
}  // namespace hooke::analysis
