#include "server/analysis/downsample.h"
#include "server/analysis/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace hooke::analysis {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

bool has(const std::vector<std::size_t>& kept, std::size_t index) {
  return std::find(kept.begin(), kept.end(), index) != kept.end();
}

std::vector<double> noise(std::size_t count, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::vector<double> values(count);
  for (double& value : values) value = normal(random);
  return values;
}

TEST(Downsample, EverythingIsKeptWhenZeroOrEnoughPointsAreAskedFor) {
  const auto values = noise(100, 1);
  EXPECT_EQ(downsample(values, 0).size(), 100u);
  EXPECT_EQ(downsample(values, 100).size(), 100u);
  EXPECT_EQ(downsample(values, 101).size(), 100u);
  EXPECT_TRUE(downsample({}, 10).empty());
}

TEST(Downsample, InvariantsHoldForManySizes) {
  for (const std::size_t count : {5u, 17u, 1000u, 99'991u}) {
    const auto values = noise(count, static_cast<unsigned>(count));
    for (const std::size_t at_most : {1u, 2u, 4u, 5u, 10u, 333u, 1000u}) {
      if (at_most >= count) continue;
      SCOPED_TRACE(testing::Message() << count << " values, " << at_most << " wanted");
      const auto kept = downsample(values, at_most);
      EXPECT_LE(kept.size(), std::max<std::size_t>(at_most, 4));
      EXPECT_TRUE(std::is_sorted(kept.begin(), kept.end()));
      EXPECT_EQ(std::adjacent_find(kept.begin(), kept.end()), kept.end());
      EXPECT_EQ(kept.front(), 0u);
      EXPECT_EQ(kept.back(), count - 1);
      EXPECT_TRUE(has(
          kept, static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin())));
      EXPECT_TRUE(has(
          kept, static_cast<std::size_t>(std::min_element(values.begin(), values.end()) - values.begin())));
      EXPECT_GE(kept.size(), std::min(at_most, std::size_t{4}) / 2);
    }
  }
}

TEST(Downsample, UsesMostOfTheAllowance) {
  EXPECT_GT(downsample(noise(100'000, 3), 1000).size(), 900u);
}

TEST(Downsample, ALoneNanAmongNumbersIsKept) {
  auto values = noise(1000, 4);
  values[500] = kNan;
  const auto kept = downsample(values, 50);
  EXPECT_TRUE(has(kept, 500));
  EXPECT_LE(kept.size(), 50u);
}

TEST(Downsample, InfinitiesAreExtremesAndANanStretchKeepsSome) {
  auto values = noise(1000, 5);
  values[123] = kInf;
  values[321] = -kInf;
  for (std::size_t i = 600; i < 800; ++i) values[i] = kNan;
  const auto kept = downsample(values, 100);
  EXPECT_TRUE(has(kept, 123));
  EXPECT_TRUE(has(kept, 321));
  EXPECT_GE(std::count_if(kept.begin(), kept.end(), [&](std::size_t i) { return std::isnan(values[i]); }), 5);
}

TEST(Downsample, AllNanKeepsFirstAndLast) {
  const std::vector<double> values(100, kNan);
  const auto kept = downsample(values, 10);
  EXPECT_EQ(kept.front(), 0u);
  EXPECT_EQ(kept.back(), 99u);
  EXPECT_LE(kept.size(), 10u);
}

TEST(Downsample, PicksParallelColumns) {
  const std::vector<int> column = {10, 20, 30};
  const std::vector<std::size_t> kept = {0, 2};
  EXPECT_EQ(pick(std::span<const int>(column), kept), (std::vector<int>{10, 30}));
}

}  // namespace
}  // namespace hooke::analysis
