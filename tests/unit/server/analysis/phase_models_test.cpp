// The families that compete, each where it is the true one, and their searches against trying everything.
#include "server/analysis/phase_models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "server/analysis/jumps.h"
#include "server/analysis/least_squares.h"
#include "server/analysis/phases.h"
#include "tests/bench/calibration/noise.h"

namespace hooke::analysis {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::StartsWith;

Phases phases_of(const bench::Made& series, PhaseOptions options = {}) {
  options.scale = Scale::kLinear;
  return find_phases(series.step, series.value, {}, options);
}

PhaseOptions only(ModelSet models) {
  PhaseOptions options;
  options.models = models;
  return options;
}

Sample sample_of(const bench::Made& series) {
  Sample sample;
  const std::size_t n = series.value.size();
  for (std::size_t i = 0; i < n; ++i) {
    sample.x.push_back(static_cast<double>(i) / static_cast<double>(n - 1));
    sample.gap.push_back(i == 0 ? 0 : 1);
  }
  sample.y = series.value;
  sample.root_weight.assign(n, 1.0);
  return sample;
}

TEST(Families, ARelaxationHasItsTransitionWhereItsSlopeHasFallenToATenth) {
  std::mt19937_64 random(1);
  const auto series = bench::made(
      200, [](double i) { return 2 + 5 * std::exp(-i / 20); }, 0.1, 0.3, random, 10);
  const Phases phases = phases_of(series);
  ASSERT_EQ(phases.verdict, Verdict::kTransition);
  EXPECT_THAT(phases.models.front().name, StartsWith("relaxation"));
  ASSERT_EQ(phases.transitions.size(), 1u);
  const Transition& t = phases.transitions[0];
  EXPECT_NEAR(t.step, 200 * std::log(10), 20);
  EXPECT_LT(t.low, t.step);
  EXPECT_GT(t.high, t.step);
  EXPECT_LT(t.high - t.low, 80);
  ASSERT_EQ(phases.segments.size(), 2u);
  EXPECT_TRUE(phases.segments[0].elastic);
  EXPECT_FALSE(phases.segments[1].elastic);
  const double fall = 5 * 0.9 / (200 * std::log(10));
  EXPECT_NEAR(phases.segments[0].slope, -fall, 0.05 * fall);
}

TEST(Families, ARelaxationThatHasNotLevelledOffIsUndecided) {
  std::mt19937_64 random(2);
  const auto series = bench::made(
      200, [](double i) { return 5 * std::exp(-i / 150); }, 0.02, 0, random);
  const Phases phases = phases_of(series, only({true, false, false}));
  EXPECT_EQ(phases.verdict, Verdict::kUndecided);
  EXPECT_THAT(phases.remarks, Contains(HasSubstr("has not levelled off")));
  EXPECT_TRUE(phases.transitions.empty());
}

TEST(Families, AJumpIsNamedByTheFirstPointAfterIt) {
  std::mt19937_64 random(3);
  const auto series = bench::made(
      150, [](double i) { return i < 90 ? 0.0 : 3.0; }, 0.3, 0.3, random, 7);
  const Phases phases = phases_of(series);
  ASSERT_EQ(phases.verdict, Verdict::kTransition);
  ASSERT_EQ(phases.transitions.size(), 1u);
  EXPECT_EQ(phases.transitions[0].step, 90 * 7);
  EXPECT_EQ(phases.transitions[0].low, 90 * 7);
  ASSERT_EQ(phases.segments.size(), 2u);
  EXPECT_EQ(phases.segments[0].to, 89 * 7);
  EXPECT_EQ(phases.segments[1].from, 90 * 7);
  EXPECT_EQ(phases.segments[1].slope, 0);
}

TEST(Families, OnlyThoseAskedForCompete) {
  std::mt19937_64 random(4);
  const auto series = bench::made(
      100, [](double i) { return i < 50 ? 0.0 : 3.0; }, 0.3, 0, random);
  const Phases phases = phases_of(series, only({false, true, false}));
  for (const ComparedModel& model : phases.models)
    EXPECT_TRUE(model.name.starts_with("constant") || model.name.starts_with("linear") ||
                model.name.starts_with("piecewise linear"))
        << model.name;
  const Phases none = phases_of(series, only({false, false, false}));
  EXPECT_EQ(none.verdict, Verdict::kNoTransition);
  EXPECT_EQ(none.models.size(), 4u);
}

TEST(Families, EveryKnotIsATransitionOnRequest) {
  std::mt19937_64 random(5);
  const auto two_slopes = [](double i) { return i < 100 ? i : 100 + 0.5 * (i - 100); };
  const auto series = bench::made(200, two_slopes, 0.5, 0, random);
  EXPECT_EQ(phases_of(series, only({false, true, false})).verdict, Verdict::kNoTransition);
  PhaseOptions every_knot = only({false, true, false});
  every_knot.every_knot = true;
  const Phases every = phases_of(series, every_knot);
  ASSERT_EQ(every.transitions.size(), 1u);
  EXPECT_NEAR(every.transitions[0].step, 100, 3);
}

TEST(Families, WithoutResamplesThereIsNeitherTestNorInterval) {
  std::mt19937_64 random(6);
  const auto series = bench::made(
      100, [](double i) { return i < 50 ? 0.0 : 3.0; }, 0.3, 0, random);
  PhaseOptions options;
  options.resamples = 0;
  const Phases phases = phases_of(series, options);
  ASSERT_EQ(phases.transitions.size(), 1u);
  EXPECT_FALSE(phases.transitions[0].p_value);
  EXPECT_TRUE(std::isnan(phases.transitions[0].low));
  EXPECT_TRUE(std::isnan(phases.transitions[0].high));
}

// Residual sum of squares of means between the given places.
double rss_of_means(const std::vector<double>& y, std::vector<std::size_t> places) {
  places.push_back(y.size());
  double rss = 0;
  std::size_t begin = 0;
  for (const std::size_t end : places) {
    double mean = 0;
    for (std::size_t i = begin; i < end; ++i) mean += y[i] / static_cast<double>(end - begin);
    for (std::size_t i = begin; i < end; ++i) rss += (y[i] - mean) * (y[i] - mean);
    begin = end;
  }
  return rss;
}

TEST(Search, OfJumpsFindsTheBestOfAllPlaces) {
  std::mt19937_64 random(7);
  const auto series = bench::made(
      30, [](double i) { return std::sin(i / 3); }, 0.5, 0, random);
  const Sample sample = sample_of(series);
  constexpr std::size_t kFewest = 3;
  double least[3] = {1e9, 1e9, 1e9};
  for (std::size_t a = kFewest; a + kFewest <= 30; ++a) {
    least[0] = std::min(least[0], rss_of_means(sample.y, {a}));
    for (std::size_t b = a + kFewest; b + kFewest <= 30; ++b) {
      least[1] = std::min(least[1], rss_of_means(sample.y, {a, b}));
      for (std::size_t c = b + kFewest; c + kFewest <= 30; ++c)
        least[2] = std::min(least[2], rss_of_means(sample.y, {a, b, c}));
    }
  }
  const auto found = best_jumps(sample, sample.y, 3, kFewest);
  ASSERT_EQ(found.size(), 3u);
  for (std::size_t jumps = 0; jumps < 3; ++jumps) {
    std::vector<std::size_t> places;
    for (const double x : found[jumps]) places.push_back(static_cast<std::size_t>(std::llround(x * 29)));
    EXPECT_NEAR(rss_of_means(sample.y, places), least[jumps], 1e-9) << jumps + 1;
  }
}

TEST(Search, OfTwoBreaksInAutocorrelatedNoiseFindsTheBestOfAllPairs) {
  std::mt19937_64 random(8);
  const auto series = bench::made(
      40, [](double i) { return std::sin(i / 4); }, 0.5, 0.6, random);
  const Sample sample = sample_of(series);
  const Whitening whitening(sample, 0.6);
  const Design design(sample, 0.6, 3, {});
  const BreakSearch search(design, sample.y);
  for (const Family family : {Family::kHinges, Family::kJumps}) {
    const bool hinges = family == Family::kHinges;
    const auto column = [&](std::size_t at) {
      std::vector<double> values;
      for (const double x : sample.x)
        values.push_back(hinges ? std::max(x - sample.x[at], 0.0) : (x >= sample.x[at + 1] ? 1.0 : 0.0));
      return whitening.apply(values);
    };
    double least = 1e9;
    for (std::size_t a = 2; a < 36; ++a) {
      for (std::size_t b = a + 3; b < 37; ++b) {
        Columns columns = {whitening.apply(std::vector<double>(40, 1.0)), column(a), column(b)};
        if (hinges) columns.push_back(whitening.apply(sample.x));
        double rss = 0;
        for (const double r : LeastSquares(columns, whitening.apply(sample.y)).residuals) rss += r * r;
        least = std::min(least, rss);
      }
    }
    EXPECT_NEAR(search.rss(family, search.best_breaks(family, 2, 256)), least, 1e-9)
        << (hinges ? "hinges" : "jumps");
  }
}

}  // namespace
}  // namespace hooke::analysis
