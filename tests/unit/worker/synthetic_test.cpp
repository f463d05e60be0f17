// Generated sets: Gaussian classes and the teacher's regression, by their statistics.
#include "worker/data/synthetic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "proto/hooke/error.h"

namespace hooke::data {
namespace {

using ::testing::ElementsAre;

Config config_of(const std::string& set) {
  Config config;
  config.set = set;
  return config;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double deviation(const std::vector<double>& values) {
  const double centre = mean(values);
  double sum = 0;
  for (const double value : values) sum += (value - centre) * (value - centre);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

TEST(Gaussians, HaveTheConfiguredMeansAndDeviationsInBothSplits) {
  const DataSet data = load(config_of("gaussians"), {}, 1);
  EXPECT_THAT(data.shape, ElementsAre(100));
  EXPECT_THAT(data.class_names, ElementsAre("0", "1"));
  for (const Examples* split : {&data.train, &data.test}) {
    ASSERT_EQ(split->count(), 2000u);
    std::vector<double> values[2];
    for (std::size_t i = 0; i < split->inputs.size(); ++i) {
      values[split->labels[i / 100]].push_back(split->inputs[i]);
    }
    EXPECT_NEAR(mean(values[0]), 9, 0.02);  // of 1e5 values, at six standard errors
    EXPECT_NEAR(mean(values[1]), 1, 0.04);
  }
}

TEST(Gaussians, HaveTheConfiguredDeviations) {
  Config config = config_of("gaussians");
  config.points = 10;
  const DataSet data = load(config, {}, 1);
  std::vector<double> first(data.train.inputs.begin(), data.train.inputs.begin() + 1000);
  std::vector<double> second(data.train.inputs.begin() + 1000, data.train.inputs.end());
  EXPECT_NEAR(deviation(first), 1, 0.14);
  EXPECT_NEAR(deviation(second), 2, 0.28);
}

TEST(Gaussians, DependOnTheSeedAlone) {
  const Config config = config_of("gaussians");
  EXPECT_EQ(load(config, {}, 1).train.inputs, load(config, {}, 1).train.inputs);
  EXPECT_NE(load(config, {}, 1).train.inputs, load(config, {}, 2).train.inputs);
  EXPECT_NE(load(config, {}, 1).train.inputs, load(config, {}, 1).test.inputs);
}

TEST(Gaussians, TakeClassesAndCountsAsOtherSetsDo) {
  Config config = config_of("gaussians");
  config.gaussian_means = {0, 5, 10};
  config.gaussian_deviations = {1e-3, 1e-3, 1e-3};
  config.classes = {2, 0};
  config.dimension = 1;
  config.train_per_class = 2;
  config.test_per_class = 1;
  const DataSet data = load(config, {}, 1);
  EXPECT_THAT(data.train.labels, ElementsAre(1, 1, 0, 0));
  EXPECT_NEAR(data.train.inputs[3], 10, 0.01);
  EXPECT_EQ(data.test.count(), 2u);
}

TEST(TeacherStudent, IsARegressionWithOneTargetAndATestSplitOfItsOwn) {
  const DataSet data = load(config_of("teacher_student"), {}, 3);
  EXPECT_TRUE(data.regression);
  EXPECT_EQ(data.outputs, 1);
  EXPECT_THAT(data.class_names, ElementsAre("all"));
  EXPECT_EQ(data.train.count(), 1000u);
  EXPECT_EQ(data.train.targets.size(), 1000u);
  EXPECT_EQ(data.test.targets.size(), 1000u);
  EXPECT_NE(data.train.inputs, data.test.inputs);
  EXPECT_NE(data.train.targets, load(config_of("teacher_student"), {}, 4).train.targets);
}

TEST(TeacherStudent, HasStandardNormalInputsAndTheTargetsVariance) {
  Config config = config_of("teacher_student");
  config.dimension = 400;  // wide: the units' activations hardly correlate
  config.points = 4000;
  const DataSet data = load(config, {}, 3);
  const std::vector<double> inputs(data.train.inputs.begin(), data.train.inputs.begin() + 100000);
  EXPECT_NEAR(mean(inputs), 0, 0.02);
  EXPECT_NEAR(deviation(inputs), 1, 0.015);
  // The variance of max(0, N(0, 1)) is 1/2 - 1/(2 pi); eight of them with weights of squares 1/8.
  const std::vector<double> targets(data.train.targets.begin(), data.train.targets.end());
  EXPECT_NEAR(std::pow(deviation(targets), 2), 0.5 - 0.5 / M_PI, 0.08);
}

TEST(TeacherStudent, OfOneUnitInOneDimensionIsARampThatBothSplitsShare) {
  Config config = config_of("teacher_student");
  config.dimension = 1;
  config.teacher_units = 1;
  const DataSet data = load(config, {}, 5);
  double slope = 0;  // y / x on the active side
  for (const Examples* split : {&data.train, &data.test}) {
    std::size_t zeros = 0;
    for (std::size_t i = 0; i < split->count(); ++i) {
      if (split->targets[i] == 0) {
        ++zeros;
        continue;
      }
      const double ratio = split->targets[i] / split->inputs[i];
      if (slope == 0) slope = ratio;
      EXPECT_NEAR(ratio, slope, 1e-5 * std::abs(slope));
    }
    EXPECT_NEAR(static_cast<double>(zeros), 500, 100);
  }
}

TEST(TeacherStudent, AddsNoiseOfTheConfiguredDeviation) {
  Config config = config_of("teacher_student");
  const DataSet clean = load(config, {}, 3);
  config.noise = 0.25;
  const DataSet noisy = load(config, {}, 3);
  EXPECT_EQ(noisy.train.inputs, clean.train.inputs);
  std::vector<double> noise;
  for (std::size_t i = 0; i < 1000; ++i) noise.push_back(noisy.train.targets[i] - clean.train.targets[i]);
  EXPECT_NEAR(mean(noise), 0, 0.05);
  EXPECT_NEAR(deviation(noise), 0.25, 0.035);
}

TEST(Synthetic, RefusesValuesThatMakeNoSense) {
  const auto field = [](Config config) -> std::string {
    try {
      load(config, {}, 0);
    } catch (const Error& error) {
      return error.field();
    }
    return "accepted";
  };
  Config config = config_of("gaussians");
  config.gaussian_deviations = {1};
  EXPECT_EQ(field(config), "data.gaussian_deviations");
  config.gaussian_deviations = {1, -1};
  EXPECT_EQ(field(config), "data.gaussian_deviations");
  config = config_of("teacher_student");
  config.noise = -1;
  EXPECT_EQ(field(config), "data.noise");
  config = config_of("teacher_student");
  config.teacher_units = 0;
  EXPECT_EQ(field(config), "data.teacher_units");
  config = config_of("teacher_student");
  config.augment = Augment::kOnce;
  EXPECT_EQ(field(config), "data.augment");
}

}  // namespace
}  // namespace hooke::data
