#include "server/analysis/phases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "proto/hooke/error.h"

namespace hooke::analysis {
namespace {

using testing::HasSubstr;

struct Series {
  std::vector<Step> step;
  std::vector<double> value;

  Phases phases(PhaseOptions options = {}) const { return find_phases(step, value, {}, options); }
};

Series make(std::size_t count, const std::function<double(double)>& f, Step every = 1) {
  Series series;
  for (std::size_t i = 0; i < count; ++i) {
    series.step.push_back(static_cast<Step>(i) * every);
    series.value.push_back(f(static_cast<double>(i)));
  }
  return series;
}

// AR(1) noise of standard deviation `sd` on top of f.
Series noisy(std::size_t count, const std::function<double(double)>& f, double sd, double phi,
             unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  Series series = make(count, f);
  double error = normal(random);
  for (double& value : series.value) {
    value += sd * error;
    error = phi * error + std::sqrt(1 - phi * phi) * normal(random);
  }
  return series;
}

PhaseOptions linear() {
  PhaseOptions options;
  options.scale = Scale::kLinear;
  return options;
}

double kink(double i) {
  return i < 100 ? 5 - 0.03 * i : 2;
}  // falls, then stays

TEST(Phases, AKinkInNoiseIsFoundNearItsPlace) {
  const Phases phases = noisy(300, kink, 0.1, 0, 1).phases(linear());
  ASSERT_EQ(phases.verdict, Verdict::kTransition);
  ASSERT_EQ(phases.transitions.size(), 1u);
  const Transition& t = phases.transitions[0];
  EXPECT_NEAR(t.step, 100, 5);
  EXPECT_LE(t.low, t.step);
  EXPECT_GE(t.high, t.step);
  EXPECT_LT(t.high - t.low, 15);
  EXPECT_GT(t.bic_gain, 100);
  EXPECT_DOUBLE_EQ(*t.p_value, 1.0 / 400);
  ASSERT_EQ(phases.segments.size(), 2u);
  EXPECT_TRUE(phases.segments[0].elastic);
  EXPECT_FALSE(phases.segments[1].elastic);
  EXPECT_NEAR(phases.segments[0].slope, -0.03, 0.001);
  EXPECT_LT(phases.segments[0].slope_low, -0.03 + 0.001);
  EXPECT_EQ(phases.segments[0].from, 0);
  EXPECT_EQ(phases.segments[0].to + 1, phases.segments[1].from);
  EXPECT_EQ(phases.segments[1].to, 299);
}

TEST(Phases, AKinkIsFoundInAutocorrelatedNoiseToo) {
  int found = 0;
  for (unsigned seed = 0; seed < 10; ++seed) {
    const Phases phases = noisy(300, kink, 0.1, 0.6, seed).phases(linear());
    found += phases.verdict == Verdict::kTransition && phases.transitions.size() == 1 &&
             std::abs(phases.transitions[0].step - 100) < 15;
  }
  EXPECT_GE(found, 9);
}

TEST(Phases, TwoKinksAreFound) {
  const auto f = [](double i) { return i < 80 ? 1.0 : i < 160 ? 1 + 0.05 * (i - 80) : 5.0; };
  const Phases phases = noisy(300, f, 0.1, 0, 7).phases(linear());
  ASSERT_EQ(phases.transitions.size(), 2u);
  EXPECT_NEAR(phases.transitions[0].step, 80, 5);
  EXPECT_NEAR(phases.transitions[1].step, 160, 5);
  EXPECT_EQ(phases.models.front().breaks.size(), 2u);
  for (const Transition& t : phases.transitions) EXPECT_LT(*t.p_value, 0.05);
}

TEST(Phases, WithoutNoiseTheKnotIsExact) {
  const Phases phases = make(
                            200, [](double i) { return i < 61.5 ? 3 * i : 184.5; }, 10)
                            .phases(linear());
  ASSERT_EQ(phases.transitions.size(), 1u);
  EXPECT_NEAR(phases.transitions[0].step, 615, 0.1);
  EXPECT_NEAR(phases.segments[0].slope, 0.3, 1e-5);
  EXPECT_EQ(phases.segments[0].to, 610);
  ASSERT_EQ(phases.fitted_step.size(), phases.fitted_value.size());
  EXPECT_NEAR(phases.fitted_value.front(), 0, 1e-3);
  EXPECT_NEAR(phases.fitted_value.back(), 184.5, 1e-3);
}

TEST(Phases, WithoutNoiseTheJumpIsBeyondDoubt) {
  for (const double value : {0.1, 7.0}) {
    const Phases phases = make(
                              60, [&](double i) { return i < 21 ? value : 2 * value; }, 5)
                              .phases(linear());
    ASSERT_EQ(phases.verdict, Verdict::kTransition);
    ASSERT_EQ(phases.transitions.size(), 1u);
    EXPECT_EQ(phases.transitions[0].step, 105);
    EXPECT_EQ(phases.transitions[0].low, 105);
    EXPECT_EQ(phases.transitions[0].high, 105);
    EXPECT_LT(*phases.transitions[0].p_value, 0.01);
  }
}

TEST(Phases, AKnotsIntervalIsNoFinerThanThePoints) {
  const Phases between = make(
                             200, [](double i) { return i < 61.5 ? 3 * i : 184.5; }, 10)
                             .phases(linear());
  ASSERT_EQ(between.transitions.size(), 1u);
  EXPECT_NEAR(between.transitions[0].low, 610, 0.1);
  EXPECT_NEAR(between.transitions[0].high, 620, 0.1);
  // At the edge of dense points the two sides differ.
  Series uneven = make(100, [](double i) { return i < 50 ? i : 50; });
  for (std::size_t i = 51; i < 100; ++i) uneven.step[i] = static_cast<Step>(50 + 20 * (i - 50));
  for (std::size_t i = 0; i < 100; ++i) uneven.value[i] += i % 2 ? 1e-3 : -1e-3;
  const Phases edge = uneven.phases(linear());
  ASSERT_EQ(edge.transitions.size(), 1u);
  EXPECT_NEAR(edge.transitions[0].step, 50, 0.1);
  EXPECT_NEAR(edge.transitions[0].low, edge.transitions[0].step - 0.5, 0.1);
  EXPECT_GE(edge.transitions[0].high, 50.4);
}

TEST(Phases, AutocorrelatedNoiseAloneMakesNoTransitions) {
  constexpr int kCases = 20;
  for (const double phi : {0.0, 0.3, 0.6}) {
    int none = 0, transition = 0;
    for (unsigned seed = 0; seed < kCases; ++seed) {
      const Phases phases = noisy(
                                300, [](double) { return 0; }, 1, phi, 1000 + seed)
                                .phases(linear());
      none += phases.verdict == Verdict::kNoTransition;
      transition += phases.verdict == Verdict::kTransition;
    }
    EXPECT_GE(none, kCases * 8 / 10) << "phi = " << phi;
    EXPECT_LE(transition, 2) << "phi = " << phi;
  }
}

TEST(Phases, ATrendAloneIsOneElasticSegment) {
  const Phases phases = noisy(
                            200, [](double i) { return 10 - 0.02 * i; }, 0.1, 0.3, 3)
                            .phases(linear());
  EXPECT_EQ(phases.verdict, Verdict::kNoTransition);
  ASSERT_EQ(phases.segments.size(), 1u);
  EXPECT_TRUE(phases.segments[0].elastic);
  EXPECT_NEAR(phases.segments[0].slope, -0.02, 0.002);
  EXPECT_TRUE(phases.transitions.empty());
}

TEST(Phases, IntervalsHoldTheTrueKnotMostOfTheTime) {
  constexpr int kCases = 40;
  PhaseOptions options = linear();
  options.resamples = 199;
  int covered = 0;
  for (unsigned seed = 0; seed < kCases; ++seed) {
    const Phases phases = noisy(200, kink, 0.2, 0.3, 500 + seed).phases(options);
    for (const Transition& t : phases.transitions) covered += t.low <= 100 && t.high >= 100;
  }
  EXPECT_GE(covered, kCases * 85 / 100);
}

TEST(Phases, AConstantSeriesIsOneInelasticSegment) {
  const Phases phases = make(50, [](double) { return 0.25; }).phases();
  EXPECT_EQ(phases.verdict, Verdict::kNoTransition);
  ASSERT_EQ(phases.segments.size(), 1u);
  EXPECT_FALSE(phases.segments[0].elastic);
  EXPECT_EQ(phases.segments[0].to, 49);
  EXPECT_EQ(phases.segments[0].slope, 0);
}

TEST(Phases, RoundingThatDriftsIsNoPhase) {
  // Steps up and down by a few parts in a million, as the influence in a linear net has them.
  const Phases phases = make(200, [](double i) {
                          return 0.25 * (1 + (i < 60 ? 0 : i < 120 ? 3e-5 : 1e-5));
                        }).phases();
  EXPECT_EQ(phases.verdict, Verdict::kNoTransition);
  EXPECT_NEAR(phases.fitted_value.front(), 0.25, 1e-4);
  EXPECT_THAT(phases.remarks, testing::Contains(HasSubstr("constant")));
  // What is larger is not taken for rounding.
  const Phases larger = noisy(
                            200, [](double i) { return i < 60 ? 1.0 : 1.001; }, 1e-4, 0, 7)
                            .phases();
  EXPECT_EQ(larger.verdict, Verdict::kTransition);
}

TEST(Phases, TooFewPointsAreAnErrorThatSaysHowMany) {
  Series series = make(9, [](double i) { return i + 1; });
  series.value[2] = std::numeric_limits<double>::quiet_NaN();
  series.value[3] = std::numeric_limits<double>::infinity();
  try {
    series.phases();
    FAIL() << "was answered";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kFailedPrecondition);
    EXPECT_THAT(error.what(), HasSubstr("at least 8"));
    EXPECT_THAT(error.what(), HasSubstr("7 usable"));
    EXPECT_THAT(error.what(), HasSubstr("2 that are NaN"));
  }
}

TEST(Phases, EightPointsAreAnswered) {
  for (const auto& f : std::vector<std::function<double(double)>>{[](double i) { return i; },
                                                                  [](double i) { return std::sin(i * i); },
                                                                  [](double i) { return i < 4; }})
    EXPECT_FALSE(make(8, f).phases(linear()).segments.empty());
}

TEST(Phases, NanAndInfinitePointsAreLeftOutAndCounted) {
  Series series = noisy(300, kink, 0.1, 0, 1);
  for (const std::size_t i : {5u, 50u, 250u}) series.value[i] = std::numeric_limits<double>::quiet_NaN();
  series.value[6] = -std::numeric_limits<double>::infinity();
  const Phases phases = series.phases();
  EXPECT_EQ(phases.points, 296);
  EXPECT_EQ(phases.omitted, 4);
  EXPECT_EQ(phases.scale, Scale::kLog) << "an infinite value is no reason against it";
  EXPECT_EQ(phases.verdict, Verdict::kTransition);
}

TEST(Phases, TheScaleIsLogForPositiveValuesAndLinearOtherwise) {
  const auto decay = [](double i) { return i < 100 ? std::exp(-0.05 * i) : std::exp(-5.0); };
  const Phases log = make(200, decay).phases();
  EXPECT_EQ(log.scale, Scale::kLog);
  EXPECT_NEAR(log.segments[0].slope, -0.05, 1e-4);
  EXPECT_NEAR(log.fitted_value.front(), 1, 1e-3);
  const Phases linear_scale = make(200, [](double i) { return i - 3; }).phases();
  EXPECT_EQ(linear_scale.scale, Scale::kLinear);
  EXPECT_THAT(linear_scale.remarks, testing::Contains(HasSubstr("step 0")));
}

TEST(Phases, LogOfWhatIsNotPositiveIsRefusedNamingTheStep) {
  PhaseOptions options;
  options.scale = Scale::kLog;
  try {
    make(
        20, [](double i) { return 14 - i; }, 9)
        .phases(options);
    FAIL() << "was answered";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kInvalidArgument);
    EXPECT_EQ(error.field(), "scale");
    EXPECT_THAT(error.what(), HasSubstr("step 126"));
  }
}

TEST(Phases, OptionsOutOfRangeAreRefused) {
  const auto refused = [](auto change, const std::string& field) {
    PhaseOptions options;
    change(options);
    try {
      make(20, [](double i) { return i; }).phases(options);
      ADD_FAILURE() << field << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kInvalidArgument);
      EXPECT_EQ(error.field(), field);
    }
  };
  refused([](PhaseOptions& o) { o.max_knots = -1; }, "max_knots");
  refused([](PhaseOptions& o) { o.max_knots = 6; }, "max_knots");
  refused([](PhaseOptions& o) { o.min_segment = 1; }, "min_segment");
  refused([](PhaseOptions& o) { o.level = 0; }, "level");
  refused([](PhaseOptions& o) { o.level = std::nan(""); }, "level");
  refused([](PhaseOptions& o) { o.elastic_slope = 1.5; }, "elastic_slope");
}

TEST(Phases, WeightsTellNoisyPointsFromGoodOnes) {
  // Points with a large standard deviation are far off; with weights the trend is seen through them.
  Series series = noisy(
      100, [](double i) { return 1 + 0.01 * i; }, 0.001, 0, 2);
  std::vector<double> sd(100, 0.001);
  for (std::size_t i = 0; i < 100; i += 10) {
    series.value[i] += 5;
    sd[i] = 100;
  }
  const Phases phases = find_phases(series.step, series.value, sd, linear());
  EXPECT_NEAR(phases.segments[0].slope, 0.01, 1e-4);
  EXPECT_EQ(phases.verdict, Verdict::kNoTransition);
}

TEST(Phases, ModelsAreListedBestFirstAndOneQuestionHasOneAnswer) {
  const Series series = noisy(120, kink, 0.3, 0.5, 11);
  const Phases first = series.phases(linear()), second = series.phases(linear());
  EXPECT_EQ(first.models.size(), 14u);
  for (std::size_t i = 1; i < first.models.size(); ++i)
    EXPECT_LE(first.models[i - 1].bic, first.models[i].bic);
  ASSERT_EQ(first.transitions.size(), second.transitions.size());
  for (std::size_t i = 0; i < first.transitions.size(); ++i) {
    EXPECT_EQ(first.transitions[i].p_value, second.transitions[i].p_value);
    EXPECT_EQ(first.transitions[i].step, second.transitions[i].step);
  }
}

TEST(Phases, TheBicOfIndependentNoiseIsTheTextbookOne) {
  const Series series = noisy(
      50, [](double i) { return 0.1 * i; }, 1, 0, 5);
  const Phases phases = series.phases(linear());
  double mean = 0, rss = 0;
  for (const double value : series.value) mean += value / 50;
  for (const double value : series.value) rss += (value - mean) * (value - mean);
  for (const ComparedModel& model : phases.models) {
    if (model.name != "constant") continue;
    EXPECT_NEAR(model.rss, rss, 1e-9 * rss);
    EXPECT_NEAR(model.bic, 50 * std::log(rss / 50) + 50 * (1 + std::log(2 * M_PI)) + 2 * std::log(50), 1e-6);
  }
}

TEST(Phases, ManyKnotsAndManyPointsAreAnswered) {
  PhaseOptions options = linear();
  options.max_knots = 4;
  options.resamples = 0;
  const auto zigzag = [](double i) {
    const double place = std::fmod(i, 4000);
    return place < 2000 ? 0.0 : place - 2000;
  };
  const Phases phases = noisy(12'000, zigzag, 20, 0, 4).phases(options);
  EXPECT_EQ(phases.points, 12'000);
  EXPECT_THAT(phases.remarks, testing::Contains(HasSubstr("averaged")));
  EXPECT_EQ(phases.segments.front().from, 0);
  EXPECT_EQ(phases.segments.back().to, 11'999);
}

}  // namespace
}  // namespace hooke::analysis
