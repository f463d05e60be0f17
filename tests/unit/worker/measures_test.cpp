// The scalar formulas, against definitions in long double and numbers worked out by hand.
#include "worker/engine/measures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace hooke::engine {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

// p_old * (1 + (u - 1) e^u): by its power series, sum over n >= 2 of (n - 1) u^n / n!, which does not
// cancel for the arguments of this test, else by the definition in long double.
long double reference_term(double p_old, double u) {
  const long double x = u;
  if (std::fabs(u) > 2) return static_cast<long double>(p_old) * (1 + (x - 1) * std::exp(x));
  long double sum = 0, power_over_factorial = x;
  for (int n = 2; n < 60; ++n) {
    power_over_factorial *= x / n;
    sum += (n - 1) * power_over_factorial;
  }
  return static_cast<long double>(p_old) * sum;
}

TEST(KlTerm, AgreesWithItsPowerSeriesFromTinyToLargeChanges) {
  for (const double size : {1e-9, 1e-6, 9.9e-4, 1.1e-3, 1e-2, 0.3, 0.99, 1.01, 3.0, 30.0}) {
    for (const double u : {size, -size}) {
      const double p_old = u > 0 ? 0.9 * std::exp(-u) : 0.7;
      const double p_new = p_old * std::exp(u);
      const long double expected = reference_term(p_old, u);
      const double got = kl_term(p_new, p_old, u);
      EXPECT_NEAR(static_cast<double>(got / expected), 1.0, 1e-11) << "u = " << u;
      EXPECT_GE(got, 0) << "u = " << u;
    }
  }
}

TEST(KlTerm, HoldsWhereProbabilitiesUnderflow) {
  // log p_new = -1, log p_old = -801: p_old underflows to 0, and the term is p_new (u - 1).
  const double p_new = std::exp(-1.0);
  EXPECT_NEAR(kl_term(p_new, 0, 800), p_new * 799, 1e-9);
  // The other way round the term is p_old.
  EXPECT_DOUBLE_EQ(kl_term(0, p_new, -800), p_new);
  EXPECT_EQ(kl_term(0, 0, -kInf), 0);
  EXPECT_EQ(kl_term(0, 0, kNan), 0);
  EXPECT_EQ(kl_term(0.5, 0, kInf), kInf);
}

TEST(Predictions, AreSoftmaxAlsoOfVeryLargeOutputs) {
  const Predictions result = predictions(Loss::kCrossEntropy, {0, std::log(3.0), 2000, 0}, 2);
  EXPECT_NEAR(result.p[0], 0.25, 1e-15);
  EXPECT_NEAR(result.p[1], 0.75, 1e-15);
  EXPECT_EQ(result.p[2], 1);
  EXPECT_EQ(result.p[3], 0);
  EXPECT_EQ(result.log_p[3], -2000);
}

// Two examples with two outputs each. Softmax before (1/2, 1/2), (1/4, 3/4); after (1/5, 4/5),
// (1/2, 1/2).
struct Hand {
  Predictions before = predictions(Loss::kCrossEntropy, {0, 0, 0, std::log(3.0)}, 2);
  Predictions after = predictions(Loss::kCrossEntropy, {0, std::log(4.0), std::log(2.0), std::log(2.0)}, 2);
  Truth truth{Loss::kCrossEntropy, Task::kClassification, {1, 0}, {}};

  double moved_at(Measure measure, std::size_t j) const { return moved(measure, truth, before, after, j); }
};

TEST(Moved, GivesTheValuesOfEachDefinition) {
  const Hand hand;
  EXPECT_NEAR(hand.moved_at(Measure::kLoss, 0), std::log(0.5) - std::log(0.8), 1e-14);
  EXPECT_NEAR(hand.moved_at(Measure::kLoss, 1), std::log(0.25) - std::log(0.5), 1e-14);
  EXPECT_NEAR(hand.moved_at(Measure::kKl, 0), 0.2 * std::log(0.4) + 0.8 * std::log(1.6), 1e-14);
  EXPECT_NEAR(hand.moved_at(Measure::kKlReverse, 0), 0.5 * std::log(2.5) + 0.5 * std::log(0.625), 1e-14);
  EXPECT_NEAR(hand.moved_at(Measure::kL2, 0), 0.3 * std::sqrt(2.0), 1e-14);
  EXPECT_NEAR(hand.moved_at(Measure::kL2Logit, 0), std::log(4.0), 1e-14);
  EXPECT_NEAR(hand.moved_at(Measure::kL2Logit, 1), std::hypot(std::log(2.0), std::log(1.5)), 1e-14);
  EXPECT_NEAR(hand.moved_at(Measure::kL1, 1), 0.5, 1e-14);
}

TEST(Moved, GivesTheReleasedCodesNumbersForThePublishedMeasures) {
  const Hand hand;
  // Mean over classes of p_old (log p_old - p_new).
  const double kl = 0.5 * (0.5 * (std::log(0.5) - 0.2) + 0.5 * (std::log(0.5) - 0.8));
  EXPECT_NEAR(hand.moved_at(Measure::kKlPublished, 0), kl, 1e-14);
  EXPECT_NEAR(moved_at_updated(Measure::kKlPublished, hand.truth, hand.before, hand.after, 0), kl + 1e-8,
              1e-14);
  EXPECT_NEAR(hand.moved_at(Measure::kL2Published, 0), 0.3, 1e-14);
  EXPECT_NEAR(moved_at_updated(Measure::kL2Published, hand.truth, hand.before, hand.after, 0), 0.3 + 1e-8,
              1e-14);
}

TEST(Moved, OfSquaredLossIsTheDifferenceOfTheLosses) {
  const Predictions before = predictions(Loss::kSquared, {1, 2}, 2),
                    after = predictions(Loss::kSquared, {1.5, 1}, 2);
  const Truth truth{Loss::kSquared, Task::kRegression, {}, {0, 4}};
  const double loss_before = 0.5 * (1 + 4), loss_after = 0.5 * (2.25 + 9);
  EXPECT_NEAR(moved(Measure::kLoss, truth, before, after, 0), loss_after - loss_before, 1e-14);
  EXPECT_NEAR(moved(Measure::kL2, truth, before, after, 0), std::hypot(0.5, 1.0), 1e-14);
}

TEST(Moved, UnderKlIsQuadraticInASmallChangeOfTheLogits) {
  // KL(new || old) = dz' (diag p - p p') dz / 2 + O(dz^3): the quotient tends to 1, its error halves.
  const std::vector<double> z = {0.3, -1.2, 0.8}, direction = {1, 2, -1};
  double errors[2];
  for (const int round : {0, 1}) {
    const double step = round == 0 ? 1e-3 : 5e-4;
    std::vector<double> moved_z = z;
    for (std::size_t k = 0; k < 3; ++k) moved_z[k] += step * direction[k];
    const Predictions before = predictions(Loss::kCrossEntropy, z, 3),
                      after = predictions(Loss::kCrossEntropy, moved_z, 3);
    double mean = 0, square = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      mean += before.p[k] * step * direction[k];
      square += before.p[k] * step * direction[k] * step * direction[k];
    }
    const Truth truth{Loss::kCrossEntropy, Task::kClassification, {0}, {}};
    errors[round] = moved(Measure::kKl, truth, before, after, 0) / (0.5 * (square - mean * mean)) - 1;
  }
  EXPECT_LT(std::fabs(errors[0]), 1e-2);
  EXPECT_NEAR(errors[0] / errors[1], 2, 0.1);
}

// Two classes of two probes; row i is d at every probe for an update on probe i.
const std::vector<double> kAbove = {2,    4, 6, 8,     //
                                    1,    5, 5, 10,    //
                                    3,    1, 2, kInf,  //
                                    kNan, 7, 9, 4};
const std::vector<double> kBelow = {2, 5, 2, 4};

TEST(Reduce, AveragesRatiosWithRowsRespondingAndColumnsUpdated) {
  const Matrix matrix = reduce({2, 2, true}, kAbove, kBelow);
  // [0, 0]: 1, 2, 0.2, 1. [1, 0]: 3, 4, 1, 2. [0, 1]: 1.5, 0.5, NaN, 1.75. [1, 1]: 1, inf, 2.25, 1.
  EXPECT_FLOAT_EQ(matrix.mean[0], 4.2f / 4);
  EXPECT_FLOAT_EQ(matrix.mean[2], 2.5f);
  EXPECT_TRUE(std::isnan(matrix.mean[1]));
  EXPECT_EQ(matrix.mean[3], std::numeric_limits<float>::infinity());
  EXPECT_FLOAT_EQ(matrix.sd[2], std::sqrt(5.0f / 3));
  EXPECT_FLOAT_EQ(matrix.ratio_of_means[0], 12.0f / 14);
  EXPECT_FLOAT_EQ(matrix.ratio_of_means[2], 29.0f / 14);
  EXPECT_THAT(matrix.skipped, Each(0u));
  EXPECT_THAT(matrix.nonfinite, ElementsAre(0u, 1u, 0u, 1u));
}

TEST(Reduce, SkipsAndCountsPairsWhoseDenominatorIsZeroOrNotFinite) {
  const Matrix matrix = reduce({2, 2, true}, kAbove, std::vector<double>{0, 5, kNan, kInf});
  EXPECT_THAT(matrix.skipped, ElementsAre(2u, 4u, 2u, 4u));
  EXPECT_FLOAT_EQ(matrix.mean[0], 0.6f);  // 0.2, 1
  EXPECT_FLOAT_EQ(matrix.mean[2], 1.5f);  // 1, 2
  EXPECT_TRUE(std::isnan(matrix.mean[1]));
  EXPECT_TRUE(std::isnan(matrix.sd[1]));
  EXPECT_THAT(matrix.nonfinite, Each(0u));
  // The ratio of means is over all eligible pairs: (2 + 4 + 1 + 5) / (0 + 0 + 5 + 5).
  EXPECT_FLOAT_EQ(matrix.ratio_of_means[0], 1.2f);
}

TEST(Reduce, LeavesSelfPairsOutWhenTold) {
  const Grouping grouping{2, 2, false};
  EXPECT_THAT(eligible_pairs(grouping), ElementsAre(2, 4, 4, 2));
  EXPECT_THAT(eligible_pairs({2, 2, true}), ElementsAre(4, 4, 4, 4));
  const Matrix matrix = reduce(grouping, kAbove, kBelow);
  EXPECT_FLOAT_EQ(matrix.mean[0], 1.1f);  // 2, 0.2
  EXPECT_FLOAT_EQ(matrix.ratio_of_means[0], 5.0f / 7);
  EXPECT_FLOAT_EQ(matrix.mean[2], 2.5f);
}

TEST(Ratios, KeepEveryPairAndMarkSkippedOnes) {
  const std::vector<double> pairs = ratios(kAbove, std::vector<double>{2, 0, 2, 4});
  EXPECT_EQ(pairs[3], 4);
  EXPECT_TRUE(std::isnan(pairs[5]));
  EXPECT_EQ(pairs[11], kInf);
}

}  // namespace
}  // namespace hooke::engine
