#include "server/analysis/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

namespace hooke::analysis {
namespace {

TEST(Statistics, NormalQuantilesAreTheTabulatedOnes) {
  EXPECT_NEAR(normal_quantile(0.5), 0, 1e-15);
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-12);
  EXPECT_NEAR(normal_quantile(0.025), -1.959963984540054, 1e-12);
  EXPECT_NEAR(normal_quantile(0.9995), 3.290526731491926, 1e-11);
}

TEST(Statistics, StudentQuantilesAreTheTabulatedOnes) {
  EXPECT_NEAR(t_quantile(0.975, 1), 12.706205, 1e-5);  // tan(0.475 pi)
  EXPECT_NEAR(t_quantile(0.995, 1), 63.656741, 1e-4);
  EXPECT_NEAR(t_quantile(0.975, 2), 4.302653, 1e-6);
  EXPECT_NEAR(t_quantile(0.975, 3), 3.182446, 1e-6);
  EXPECT_NEAR(t_quantile(0.975, 4), 2.776445, 1e-6);
  EXPECT_NEAR(t_quantile(0.025, 10), -2.228139, 1e-6);
  EXPECT_NEAR(t_quantile(0.75, 5), 0.726687, 1e-6);
  EXPECT_NEAR(t_quantile(0.9995, 7), 5.407883, 1e-5);
  EXPECT_NEAR(t_quantile(0.975, 100), 1.983972, 1e-6);
  EXPECT_NEAR(t_quantile(0.975, 1e6), normal_quantile(0.975), 1e-5);
}

TEST(Statistics, QuantilesInterpolateBetweenOrderStatistics) {
  EXPECT_DOUBLE_EQ(quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(quantile({4, 1, 3, 2}, 0), 1);
  EXPECT_DOUBLE_EQ(quantile({4, 1, 3, 2}, 1), 4);
  EXPECT_DOUBLE_EQ(quantile({7}, 0.3), 7);
}

TEST(Statistics, StandardDeviationDividesByNMinusOne) {
  const std::vector<double> values = {1, 3};
  EXPECT_DOUBLE_EQ(standard_deviation(values), std::sqrt(2.0));
  EXPECT_TRUE(std::isnan(standard_deviation(std::span(values).first(1))));
}

TEST(Statistics, GoldenSectionFindsAMinimumInsideAndAtTheEnds) {
  EXPECT_NEAR(minimise(0, 1, 0.9, 40, [](double x) { return (x - 0.3) * (x - 0.3); }), 0.3, 1e-6);
  EXPECT_NEAR(minimise(0, 1, 0.5, 40, [](double x) { return x; }), 0, 1e-6);
}

}  // namespace
}  // namespace hooke::analysis
