#include "server/analysis/permutation.h"
#include "server/analysis/statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace hooke::analysis {
namespace {

using testing::DoubleEq;
using testing::DoubleNear;
using testing::ElementsAre;

Units of(std::vector<double> values) {
  return {1, std::move(values)};
}
Units zeros(std::size_t count) {
  return of(std::vector<double>(count, 0.0));
}

// Fisher (The Design of Experiments, 1935) on Darwin's maize: 15 differences between crossed and
// self-fertilised plants, in eighths of an inch. Of the 32,768 choices of signs 863 give a sum of 314 or
// more.
TEST(PairedTest, OfDarwinsMaizeIsFishers) {
  const Units darwin = of({49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48});
  const PermutationTest test = paired_test(darwin, zeros(15), 9999);
  EXPECT_TRUE(test.exact);
  EXPECT_EQ(test.arrangements, 32'768);
  EXPECT_THAT(test.p, ElementsAre(DoubleEq(2 * 863 / 32'768.0)));
  EXPECT_DOUBLE_EQ(test.smallest_p, 2 / 32'768.0);
  EXPECT_EQ(paired_test(zeros(15), darwin, 99).p, test.p) << "the other way round is as extreme";
}

TEST(PairedTest, OfFewUnitsCountsByHand) {
  // Sums of ±1 ±2 ±3: 6, 4, 2, 0 and their mirror images.
  EXPECT_DOUBLE_EQ(paired_test(of({1, 2, 3}), zeros(3), 99).p[0], 2 / 8.0);
  EXPECT_DOUBLE_EQ(paired_test(of({-1, 2, 3}), zeros(3), 99).p[0], 4 / 8.0);
  EXPECT_DOUBLE_EQ(paired_test(of({1, 2, -3}), zeros(3), 99).p[0], 1);
  EXPECT_DOUBLE_EQ(paired_test(of({1, 2, 3}), zeros(3), 99).smallest_p, 0.25);
}

TEST(PairedTest, TestsEveryQuantityByItsOwn) {
  const Units side{3, {1, 5, 2, 2, 5, kNan, 3, 5, 1}}, against{3, {0, 5, 0, 0, 5, 0, 0, 5, 0}};
  const auto p = paired_test(side, against, 99).p;
  EXPECT_DOUBLE_EQ(p[0], 0.25);
  EXPECT_DOUBLE_EQ(p[1], 1) << "identical sides";
  EXPECT_TRUE(std::isnan(p[2]));
}

TEST(PairedTest, OfManyUnitsIsRandomAndStillOneAnswer) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal(0.4);
  Units side = zeros(40);
  for (double& value : side.values) value = normal(random);
  const PermutationTest test = paired_test(side, zeros(40), 9999);
  EXPECT_FALSE(test.exact);
  EXPECT_EQ(test.arrangements, 9999);
  EXPECT_DOUBLE_EQ(test.smallest_p, 1e-4);
  // The normal approximation: the sum of flipped values has the root of their squares as deviation.
  double sum = 0, squares = 0;
  for (const double value : side.values) {
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(test.p[0], std::erfc(std::abs(sum) / std::sqrt(2 * squares)), 0.01);
  EXPECT_EQ(paired_test(side, zeros(40), 9999).p, test.p);
  EXPECT_DOUBLE_EQ(paired_test(side, side, 999).p[0], 1);
}

TEST(TwoSampleTest, OfFewUnitsCountsByHand) {
  // The sides are apart: of the 20 choices of three, this one and its mirror image.
  const PermutationTest three = two_sample_test(of({7, 8, 9}), of({1, 2, 3}), 99);
  EXPECT_TRUE(three.exact);
  EXPECT_EQ(three.arrangements, 20);
  EXPECT_DOUBLE_EQ(three.smallest_p, 0.1);
  EXPECT_DOUBLE_EQ(three.p[0], 0.1);
  // {1, 4} against {2, 3}: all means are alike or the spread is larger; {1, 2} against {3, 4} is further
  // apart, {1, 3} against {2, 4} as well: nothing is less extreme.
  EXPECT_DOUBLE_EQ(two_sample_test(of({1, 4}), of({2, 3}), 99).p[0], 1);
  // Welch's t of the six choices from {0, 1, 5, 6}: ±7.07, ±0.28, 0 and 0.
  EXPECT_DOUBLE_EQ(two_sample_test(of({0, 5}), of({1, 6}), 99).p[0], 4 / 6.0);
  EXPECT_DOUBLE_EQ(two_sample_test(of({0, 1, 2}), of({8, 9}), 99).smallest_p, 0.1);
}

TEST(TwoSampleTest, OfIdenticalOrConstantSidesIsOne) {
  EXPECT_DOUBLE_EQ(two_sample_test(of({1, 2, 3}), of({1, 2, 3}), 99).p[0], 1);
  EXPECT_DOUBLE_EQ(two_sample_test(of({0.1, 0.1, 0.1}), of({0.1, 0.1}), 99).p[0], 1);
  EXPECT_DOUBLE_EQ(two_sample_test(of({1, 1, 1}), of({2, 2, 2}), 99).p[0], 0.1) << "without any spread";
  EXPECT_TRUE(std::isnan(two_sample_test(of({1, kNan}), of({1, 2}), 99).p[0]));
}

TEST(TwoSampleTest, DoesNotDependOnUnitOrOrigin) {
  const auto test = [](double scale, double origin) {
    Units one = of({1, 4, 2, 8, 5}), other = of({7, 3, 9, 12, 6, 11});
    for (Units* units : {&one, &other})
      for (double& value : units->values) value = origin + scale * value;
    return two_sample_test(one, other, 99).p[0];
  };
  EXPECT_DOUBLE_EQ(test(1e-6, 1000), test(1, 0));
  EXPECT_DOUBLE_EQ(test(-1e9, 0), test(1, 0));
}

TEST(TwoSampleTest, OfManyUnitsIsRandomAndStillOneAnswer) {
  std::mt19937_64 random(2);
  std::normal_distribution<double> normal;
  Units one = zeros(30), other = zeros(50);
  for (double& value : one.values) value = 0.5 + normal(random);
  for (double& value : other.values) value = normal(random);
  const PermutationTest test = two_sample_test(one, other, 9999);
  EXPECT_FALSE(test.exact);
  EXPECT_EQ(two_sample_test(one, other, 9999).p, test.p);
  const auto moments = [](const Units& units) {
    double sum = 0, squares = 0;
    for (const double value : units.values) {
      sum += value;
      squares += value * value;
    }
    const auto n = static_cast<double>(units.size());
    return std::pair(sum / n, (squares - sum * sum / n) / (n - 1) / n);
  };
  const auto [mean, error] = moments(one);
  const auto [other_mean, other_error] = moments(other);
  // Welch's t with so many degrees of freedom is nearly normal.
  EXPECT_NEAR(test.p[0], std::erfc(std::abs(mean - other_mean) / std::sqrt(2 * (error + other_error))), 0.01);
}

// The example of Wikipedia's article on Holm's method.
TEST(Holm, StepsDownAndLeavesOutWhatWasNotTested) {
  EXPECT_THAT(holm(std::vector<double>{0.01, 0.04, 0.03, 0.005}),
              ElementsAre(DoubleEq(0.03), DoubleEq(0.06), DoubleEq(0.06), DoubleEq(0.02)));
  const auto some = holm(std::vector<double>{0.5, kNan, 0.02, 0.9});
  EXPECT_DOUBLE_EQ(some[0], 1);
  EXPECT_TRUE(std::isnan(some[1]));
  EXPECT_DOUBLE_EQ(some[2], 0.06) << "of three";
  EXPECT_DOUBLE_EQ(some[3], 1) << "never below one before";
  EXPECT_TRUE(holm({}).empty());
}

}  // namespace
}  // namespace hooke::analysis
