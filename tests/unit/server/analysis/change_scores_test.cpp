// The scores of change points against published values, and the analysis on the Nile.
#include <gtest/gtest.h>

#include <numeric>

#include "server/analysis/phases.h"
#include "tests/bench/calibration/nile.h"
#include "tests/bench/calibration/scores.h"

namespace hooke::bench {
namespace {

// Three annotators mark the dam's year, two mark nothing (Turing Change Point Dataset).
const std::vector<ChangePoints> kAnnotators = {{28}, {28}, {28}, {}, {}};

TEST(ChangeScores, AreThePublishedOnesForTheNile) {
  EXPECT_DOUBLE_EQ(f1(kAnnotators, {27}, 5), 1.0);
  EXPECT_NEAR(covering(kAnnotators, {27}, 100), 0.88008219, 1e-8);
  EXPECT_NEAR(f1(kAnnotators, {}, 5), 0.82352941, 1e-8);
  EXPECT_NEAR(covering(kAnnotators, {}, 100), 0.75808, 1e-8);
}

TEST(ChangeScores, APredictionServesOneAnnotatedPointAndNoneBeyondTheMargin) {
  EXPECT_DOUBLE_EQ(f1({{20, 22}}, {21}, 5), 2 * 1.0 * (2.0 / 3) / (1 + 2.0 / 3));
  EXPECT_DOUBLE_EQ(f1({{20}}, {26}, 5), 0.5);
  EXPECT_DOUBLE_EQ(f1({{20}}, {25}, 5), 1.0);
}

TEST(Nile, HasOneJumpIn1899WithThePublishedSumsOfSquares) {
  std::vector<Step> year(kNile.size());
  std::iota(year.begin(), year.end(), 1871);
  analysis::PhaseOptions options;
  options.scale = analysis::Scale::kLinear;
  const auto phases = analysis::find_phases(year, kNile, {}, options);
  ASSERT_EQ(phases.verdict, analysis::Verdict::kTransition);
  ASSERT_EQ(phases.transitions.size(), 1u);
  EXPECT_EQ(phases.transitions[0].step, 1899) << "the first point after observation 28, of 1898";
  EXPECT_LE(*phases.transitions[0].p_value, 0.01);
  EXPECT_EQ(phases.models.front().name, "piecewise constant, 1 jump");
  EXPECT_NEAR(phases.models.front().rss, 1597457, 1);
  for (const auto& model : phases.models) {
    if (model.name == "constant") {
      EXPECT_NEAR(model.rss, 2835157, 1);
    }
  }
}

}  // namespace
}  // namespace hooke::bench
