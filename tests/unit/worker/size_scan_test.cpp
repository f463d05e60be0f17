// S over update sizes and its limit: formulas, engine, training.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "proto/hooke/error.h"
#include "tests/unit/worker/memory_recorder.h"
#include "tests/unit/worker/normal.h"
#include "worker/models/net.h"
#include "worker/training/loop.h"
#include "worker/training/sizes.h"

namespace hooke {
namespace {

using engine::Loss;
using engine::Matrix;
using engine::Measure;
using engine::Predictions;
using engine::Task;
using engine::Truth;
using tests::kNever;
using tests::normal;
using Kind = engine::StepRule::Kind;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// d(z + h dz) over h (h squared for the divergences) tends to the first order; its error halves with h.
void expect_first_order(const Truth& truth, const std::vector<double>& z, const std::vector<double>& dz,
                        std::size_t outputs, const std::vector<Measure>& measures) {
  const Predictions before = engine::predictions(truth.loss, z, outputs);
  for (const Measure measure : measures) {
    const double expected = engine::moved_to_first_order(measure, truth, before, dz, 0);
    const bool quadratic = measure == Measure::kKl || measure == Measure::kKlReverse;
    double errors[2];
    for (const int round : {0, 1}) {
      const double h = round == 0 ? 1e-3 : 5e-4;
      std::vector<double> moved = z;
      for (std::size_t k = 0; k < z.size(); ++k) moved[k] += h * dz[k];
      const double d =
          engine::moved(measure, truth, before, engine::predictions(truth.loss, moved, outputs), 0);
      errors[round] = d / (quadratic ? h * h : h) - expected;
    }
    EXPECT_NE(expected, 0) << name(measure);
    EXPECT_LT(std::fabs(errors[0]), 1e-2 * std::fabs(expected)) << name(measure);
    // The distances that are linear in z have no error at all.
    if (std::fabs(errors[0]) < 1e-9 * std::fabs(expected)) continue;
    EXPECT_NEAR(errors[0] / errors[1], 2, 0.1) << name(measure);
  }
}

TEST(MovedToFirstOrder, IsWhatEachDistanceTendsTo) {
  const std::vector<Measure> all = {Measure::kLoss, Measure::kKl,      Measure::kKlReverse,
                                    Measure::kL2,   Measure::kL2Logit, Measure::kL1};
  const std::vector<double> z = {0.3, -1.2, 0.8}, dz = {1, 2, -1};
  expect_first_order({Loss::kCrossEntropy, Task::kClassification, {2}, {}}, z, dz, 3, all);
  expect_first_order({Loss::kSquared, Task::kClassification, {}, {0, 1, 0}}, z, dz, 3, all);
  expect_first_order({Loss::kBinary, Task::kClassification, {1}, {}}, {0.7}, {-1.5}, 1, all);
  expect_first_order({Loss::kSquared, Task::kRegression, {}, {0, 1, 0}}, z, dz, 3,
                     {Measure::kLoss, Measure::kL2, Measure::kL2Logit});
}

TEST(MovedToFirstOrder, OfKlIsTheQuadraticFormByHand) {
  // p = (1/4, 3/4), dz = (1, -1): (diag p - pp') has 3/16 on and -3/16 off the diagonal; half of 4 * 3/16.
  const Predictions before = engine::predictions(Loss::kCrossEntropy, {0, std::log(3.0)}, 2);
  const Truth truth{Loss::kCrossEntropy, Task::kClassification, {0}, {}};
  const std::vector<double> dz = {1, -1};
  EXPECT_NEAR(engine::moved_to_first_order(Measure::kKl, truth, before, dz, 0), 0.375, 1e-14);
  EXPECT_NEAR(engine::moved_to_first_order(Measure::kL1, truth, before, dz, 0), 0.75, 1e-14);
}

TEST(MovedToFirstOrder, OfADivergedNetIsNan) {
  const double nan = std::nan("");
  const Predictions before = engine::predictions(Loss::kCrossEntropy, {nan, 0}, 2);
  const Truth truth{Loss::kCrossEntropy, Task::kClassification, {0}, {}};
  for (const Measure measure : {Measure::kKl, Measure::kL1, Measure::kL2, Measure::kLoss})
    EXPECT_TRUE(
        std::isnan(engine::moved_to_first_order(measure, truth, before, std::vector<double>{1, 2}, 0)));
}

// Two classes of three probes.
struct Subject {
  models::Config config;
  models::Shape shape{{4}, 2};
  engine::Probes probes{
      {2, 3, true}, normal({6, 4}, 2), at::tensor(std::vector<std::int64_t>{0, 0, 0, 1, 1, 1})};
  engine::Options options;

  Subject(const std::string& type, Kind kind) {
    config.type = type;
    config.hidden = {9};
    options.measures = {Measure::kKl, Measure::kL2, Measure::kLoss, Measure::kL2Published};
    options.updates = {engine::Update{}};
    options.updates[0].rule.kind = kind;
  }

  std::vector<engine::SizeScan> scan(const std::vector<double>& rates, bool layered = true) const {
    const auto net = [&] { return models::make(config, shape, 5, at::kDouble); };
    engine::Engine engine(options, probes, [&] {
      const auto made = net();
      return engine::Replica{{made->parameters(), made->buffers()},
                             [made](const at::Tensor& x) { return made->forward(x); },
                             layered ? made->layers() : std::nullopt};
    });
    const auto live = net();
    return engine
        .elasticity_vs_update_size({{live->parameters(), live->buffers()}, {}, nullptr}, rates, kNever)
        .value();
  }
};

// Largest difference of two matrices' means.
double distance(const Matrix& a, const Matrix& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.mean.size(); ++i)
    largest = std::fmax(largest, std::fabs(double{a.mean[i]} - double{b.mean[i]}));
  return largest;
}

TEST(SizeScan, OfALinearNetIsTheSameAtEveryRateAndTheClosedForm) {
  Subject subject("linear", Kind::kSgd);
  subject.config.bias = false;
  subject.shape.outputs = 1;
  subject.options.loss = Loss::kSquared;
  subject.options.task = Task::kRegression;
  subject.options.measures = {Measure::kL2};
  subject.probes.targets = normal({6, 1}, 3);
  const at::Tensor gram = subject.probes.inputs.matmul(subject.probes.inputs.t());
  const at::Tensor expected = gram.abs() / gram.diagonal().unsqueeze(1);  // [updated][responding]
  for (const bool layered : {true, false}) {
    const auto scans = subject.scan({1e-5, 1e-2, 3}, layered);
    ASSERT_EQ(scans.size(), 1u);
    ASSERT_EQ(scans[0].elasticity.size(), 3u);
    for (std::int64_t responding = 0; responding < 2; ++responding) {
      for (std::int64_t updated = 0; updated < 2; ++updated) {
        const double mean =
            expected.narrow(0, 3 * updated, 3).narrow(1, 3 * responding, 3).mean().item<double>();
        const auto cell = static_cast<std::size_t>(2 * responding + updated);
        for (const Matrix& matrix : scans[0].elasticity) EXPECT_NEAR(matrix.mean[cell], mean, 1e-6 * mean);
        EXPECT_NEAR(scans[0].limit.mean[cell], mean, 1e-6 * mean);
      }
    }
  }
}

TEST(SizeScan, OfASmallNetTendsToItsLimitLinearlyInTheRate) {
  for (const Kind kind : {Kind::kSgd, Kind::kAdam}) {
    const double largest = kind == Kind::kSgd ? 1e-2 : 1e-3;
    for (const bool layered : {true, false}) {
      const auto scans = Subject("mlp", kind).scan({largest / 100, largest / 10, largest}, layered);
      ASSERT_EQ(scans.size(), 3u) << "l2_published has no limit";
      for (const engine::SizeScan& scan : scans) {
        SCOPED_TRACE(std::string(name(scan.measure)) + (kind == Kind::kSgd ? " sgd" : " adam"));
        const double far = distance(scan.elasticity[2], scan.limit),
                     near = distance(scan.elasticity[1], scan.limit);
        EXPECT_GT(far, 1e-4) << "nothing to compare";
        EXPECT_NEAR(far / near, 10, 2.5);
        EXPECT_LT(distance(scan.elasticity[0], scan.limit), near / 5);
      }
    }
  }
}

TEST(SizeScan, HasTheSameBitsForAnyNumberOfThreads) {
  Subject subject("mlp", Kind::kSgd);
  const auto one = subject.scan({1e-4, 1e-2});
  subject.options.threads = 4;
  const auto four = subject.scan({1e-4, 1e-2});
  for (std::size_t q = 0; q < one.size(); ++q) {
    EXPECT_EQ(one[q].limit.mean, four[q].limit.mean);
    EXPECT_EQ(one[q].elasticity[1].ratio_of_means, four[q].elasticity[1].ratio_of_means);
  }
}

TEST(SizeRates, AreHalfDecadesThenTheLargest) {
  EXPECT_THAT(training::size_rates(2e-5), ElementsAre(1e-7, 3e-7, 1e-6, 3e-6, 1e-5, 2e-5));
  EXPECT_THAT(training::size_rates(1e-6), ElementsAre(1e-7, 3e-7, 1e-6));
  EXPECT_THAT(training::size_rates(1e-8), ElementsAre(1e-8));
  EXPECT_EQ(training::size_rates(100).size(), 19u);
  EXPECT_EQ(training::size_key(Measure::kKl, 3e-6), "elasticity/size.kl@3e-06");
  EXPECT_EQ(training::size_key(Measure::kL2Logit, 0.05), "elasticity/size.l2_logit@0.05");
  EXPECT_EQ(training::size_limit_key(Measure::kKl), "elasticity/size.kl@limit");
}

class SizeTraining : public ::testing::Test {
 protected:
  SizeTraining() {
    config_.data.set = "gaussians";
    config_.data.dimension = 4;
    config_.data.points = 20;
    config_.data.gaussian_means = {0.4, -0.2};
    config_.model.type = "mlp";
    config_.model.hidden = {5};
    config_.training.batch = 10;
    config_.training.lr = 1e-6;
    config_.probes.per_class = 3;
    config_.probes.every = 0;
    config_.probes.size_steps = {1, 3};
    config_.measures = {Measure::kKl, Measure::kLoss, Measure::kL2Published};
  }

  hooke::tests::Memory run() {
    hooke::tests::Memory memory;
    training::Loop loop(config_, options_);
    EXPECT_EQ(loop.run(memory, kNever), training::Outcome::kFinished);
    weights_.clear();
    for (const at::Tensor& parameter : loop.net().parameters())
      weights_.push_back(parameter.detach().clone());
    return memory;
  }
  void expect_error(const std::string& text) {
    try {
      training::Loop loop(config_, options_);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.field(), "probes.size_steps");
      EXPECT_THAT(error.what(), HasSubstr(text));
    }
  }

  training::Config config_;
  training::RunOptions options_;
  std::vector<at::Tensor> weights_;
};

TEST_F(SizeTraining, RecordsASeriesForEachRateAndTheLimit) {
  const auto memory = run();
  std::vector<std::string> keys;
  for (const auto& [step, key] : memory.measured)
    if (step == 1) keys.push_back(key);
  EXPECT_THAT(keys, ElementsAre("elasticity/size.kl@1e-07", "elasticity/size.kl@3e-07",
                                "elasticity/size.kl@1e-06", "elasticity/size.kl@limit",
                                "elasticity/size.loss@1e-07", "elasticity/size.loss@3e-07",
                                "elasticity/size.loss@1e-06", "elasticity/size.loss@limit"));
  EXPECT_EQ(memory.measured.size(), 16u);
  EXPECT_EQ(memory.measured.back().first, 3);
  std::vector<std::string> declared, descriptions;
  for (const auto& series : memory.series) {
    if (!series.key.starts_with("elasticity/size.kl")) continue;
    declared.push_back(series.key);
    descriptions.push_back(series.description);
  }
  EXPECT_EQ(declared.size(), 4u);
  EXPECT_EQ(descriptions.front(), "Adam, lr 1e-07, fresh state");
  EXPECT_THAT(descriptions.back(), HasSubstr("limit"));
}

TEST_F(SizeTraining, ChangesNothingOfTheTraining) {
  const auto with = run();
  const auto weights = weights_;
  config_.probes.size_steps = {};
  const auto without = run();
  EXPECT_EQ(with.points, without.points);
  for (std::size_t k = 0; k < weights.size(); ++k) EXPECT_TRUE(at::equal(weights[k], weights_[k]));
}

TEST_F(SizeTraining, GoesWithOrdinaryMeasurementsAtStepsOfItsOwn) {
  config_.probes.every = 2;
  const auto memory = run();
  std::vector<std::int64_t> ordinary;
  for (const auto& [step, key] : memory.measured)
    if (key == "elasticity/kl") ordinary.push_back(step);
  EXPECT_THAT(ordinary, ElementsAre(0, 2));
}

TEST_F(SizeTraining, OfARegressionRecordsScalars) {
  config_.data = {};
  config_.data.set = "teacher_student";
  config_.data.dimension = 5;
  config_.data.points = 40;
  config_.training.loss = Loss::kSquared;
  config_.measures = {Measure::kL2};
  const auto memory = run();
  EXPECT_TRUE(memory.series.empty());
  for (const char* size : {"1e-07", "3e-07", "1e-06", "limit"}) {
    const auto& points = memory.points.at("elasticity/size.l2@" + std::string(size));
    ASSERT_EQ(points.size(), 2u) << size;
    EXPECT_EQ(points[1].first, 3);
  }
  // Float32 at a rate of 1e-6 and the limit agree as far as rounding lets them.
  const auto value = [&](const char* size) {
    return memory.points.at("elasticity/size.l2@" + std::string(size))[0].second;
  };
  EXPECT_NEAR(value("1e-06"), value("limit"), 0.1 * value("limit"));
}

TEST_F(SizeTraining, RefusesStepsThatDoNotComeAndMeasuresWithoutLimit) {
  config_.probes.size_steps = {2, 4};
  expect_error("4 is beyond the training's last step, 3");
  config_.probes.size_steps = {1};
  config_.measures = {Measure::kL2Published, Measure::kTracin};
  expect_error("needs one of loss, kl");
  config_.measures = {Measure::kKl};
  config_.training.lr = 0;
  expect_error("training.lr above 0");
}

}  // namespace
}  // namespace hooke
