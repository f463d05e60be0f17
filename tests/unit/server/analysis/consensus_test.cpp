#include "server/analysis/consensus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace hooke::analysis {
namespace {

using testing::ElementsAre;

TEST(Agreements, AreOfTransitionsWhoseIntervalsOverlapAlsoByOthers) {
  const std::vector<Located> transitions = {
      {0, 10, 8, 12}, {1, 13, 11, 15}, {2, 16, 14, 18}, {3, 100, 90, 110}, {1, 105, 95, 115}};
  const auto found = agreements(transitions, 0.05);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_THAT(found[0].members, ElementsAre(0, 1, 2));
  EXPECT_DOUBLE_EQ(found[0].step, 13);
  EXPECT_THAT(found[1].members, ElementsAre(1, 3));
  EXPECT_DOUBLE_EQ(found[1].step, 102.5);
}

TEST(Agreements, PoolIntervalsThatAgreeByTheirPrecision) {
  // Standard errors of 1 and 2: weights 1 and 1/4.
  const double z = 1.959963984540054;
  const auto found =
      agreements(std::vector<Located>{{0, 50, 50 - z, 50 + z}, {1, 51, 51 - 2 * z, 51 + 2 * z}}, 0.05);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NEAR(found[0].step, (50 + 51.0 / 4) / 1.25, 1e-9);
  EXPECT_NEAR(found[0].high - found[0].low, 2 * z / std::sqrt(1.25), 1e-9);
  EXPECT_EQ(found[0].spread, 0);
}

TEST(Agreements, SayHowFarMembersLieApartBeyondTheirIntervals) {
  // Three of standard error 1 with variance 6.25 between them: DerSimonian and Laird's estimate is 5.25.
  const double z = 1.959963984540054;
  std::vector<Located> transitions;
  for (std::size_t i = 0; i < 3; ++i) {
    const double at = 50 + 2.5 * static_cast<double>(i);
    transitions.push_back({i, at, at - z, at + z});
  }
  const auto found = agreements(transitions, 0.05);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NEAR(found[0].spread * found[0].spread, 5.25, 1e-9);
  EXPECT_NEAR(found[0].step, 52.5, 1e-9);
}

TEST(Agreements, LeaveOutWhatHasNoInterval) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(agreements(std::vector<Located>{{0, 5, nan, nan}}, 0.05).empty());
}

}  // namespace
}  // namespace hooke::analysis
