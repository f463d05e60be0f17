// Loss `binary` from the formulas to a training: one output z, two classes, p = sigmoid(z).
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "proto/hooke/error.h"
#include "tests/bench/naive.h"
#include "tests/unit/worker/memory_recorder.h"
#include "tests/unit/worker/normal.h"
#include "worker/training/loop.h"
#include "worker/training/random.h"

namespace hooke {
namespace {

using engine::Loss;
using engine::Measure;
using engine::Predictions;
using engine::Truth;
using tests::kNever;
using Kind = engine::StepRule::Kind;

TEST(BinaryPredictions, AreTheTwoClassesProbabilitiesAlsoOfVeryLargeOutputs) {
  const Predictions result = engine::predictions(Loss::kBinary, {std::log(3.0), 800, -800}, 1);
  EXPECT_NEAR(result.p[0], 0.25, 1e-15);
  EXPECT_NEAR(result.p[1], 0.75, 1e-15);
  EXPECT_EQ(result.log_p[2], -800);
  EXPECT_EQ(result.p[3], 1);
  EXPECT_EQ(result.log_p[5], -800);
  EXPECT_EQ(result.p[4], 1);
}

TEST(BinaryMoved, GivesTheValuesOfEachDefinition) {
  // p goes from 1/2 to 4/5; the label is 1, then 0.
  const Predictions before = engine::predictions(Loss::kBinary, {0, 0}, 1),
                    after = engine::predictions(Loss::kBinary, {std::log(4.0), std::log(4.0)}, 1);
  const Truth truth{Loss::kBinary, engine::Task::kClassification, {1, 0}, {}};
  const auto moved = [&](Measure measure, std::size_t j = 0) {
    return engine::moved(measure, truth, before, after, j);
  };
  EXPECT_NEAR(moved(Measure::kLoss, 0), std::log(0.5) - std::log(0.8), 1e-14);
  EXPECT_NEAR(moved(Measure::kLoss, 1), std::log(0.5) - std::log(0.2), 1e-14);
  EXPECT_NEAR(moved(Measure::kTracin, 1), std::log(0.2) - std::log(0.5), 1e-14);
  EXPECT_NEAR(moved(Measure::kKl), 0.2 * std::log(0.4) + 0.8 * std::log(1.6), 1e-14);
  EXPECT_NEAR(moved(Measure::kKlReverse), 0.5 * std::log(2.5) + 0.5 * std::log(0.625), 1e-14);
  EXPECT_NEAR(moved(Measure::kL2), 0.3 * std::sqrt(2.0), 1e-14);
  EXPECT_NEAR(moved(Measure::kL1), 0.6, 1e-14);
  EXPECT_NEAR(moved(Measure::kL2Logit), std::log(4.0), 1e-14);
  EXPECT_NEAR(moved(Measure::kL2Published), 0.3, 1e-14);
  EXPECT_NEAR(engine::moved_at_updated(Measure::kL2Published, truth, before, after, 0), 0.3 + 1e-8, 1e-14);
}

TEST(BinaryLossGradient, IsTheProbabilityMinusTheLabelAlsoWhereItSaturates) {
  const Truth truth{Loss::kBinary, engine::Task::kClassification, {1, 0, 1}, {}};
  const auto gradient = [&](double z, std::size_t j) {
    std::vector<double> result(1);
    engine::loss_gradient(truth, std::vector<double>{z}, j, result);
    return result[0];
  };
  EXPECT_NEAR(gradient(std::log(3.0), 0), -0.25, 1e-15);
  EXPECT_NEAR(gradient(std::log(3.0), 1), 0.75, 1e-15);
  EXPECT_NEAR(gradient(40, 2) / -std::exp(-40.0), 1, 1e-12);
}

// Two classes of three probes and a net with one output.
struct Case {
  models::Config config;
  models::Shape shape{{5}, 1};
  at::ScalarType type = at::kDouble;
  engine::Probes probes{{2, 3, true},
                        at::randn({6, 5}, at::make_generator<at::CPUGeneratorImpl>(1u), at::kDouble),
                        at::tensor(std::vector<std::int64_t>{0, 0, 0, 1, 1, 1})};

  explicit Case(const std::string& type_of_net) {
    config.type = type_of_net;
    config.hidden = {7};
  }
  std::shared_ptr<models::Net> net() const { return models::make(config, shape, 5, type); }

  std::vector<engine::Result> measure(const std::vector<Measure>& measures, const engine::StepRule& rule,
                                      bool layered = true) const {
    engine::Options options;
    options.loss = Loss::kBinary;
    options.measures = measures;
    options.updates = {engine::Update{}};
    options.updates[0].rule = rule;
    options.keep_pairs = true;
    engine::Engine engine(options, probes, [&] {
      const auto made = net();
      return engine::Replica{{made->parameters(), made->buffers()},
                             [made](const at::Tensor& x) { return made->forward(x); },
                             layered ? made->layers() : std::nullopt};
    });
    const auto live = net();
    return engine.measure({{live->parameters(), live->buffers()}, {}, nullptr}, kNever).value();
  }
};

engine::StepRule rule_of(Kind kind, double lr) {
  engine::StepRule rule;
  rule.kind = kind;
  rule.lr = lr;
  return rule;
}

double distance(const std::vector<double>& pairs, const at::Tensor& expected) {
  return (at::tensor(pairs).view_as(expected) - expected).abs().max().item<double>();
}

// z moves by -lr (p - y) <x, x'>, whatever the rate.
TEST(BinaryEngine, OfALinearNetHasTheClosedForms) {
  Case test("linear");
  test.config.bias = false;
  const at::Tensor x = test.probes.inputs, gram = x.matmul(x.t()), squares = gram.diagonal();
  const at::Tensor z = test.net()->forward(x).detach().squeeze(1), p = z.sigmoid();
  const double lr = 0.7;
  const at::Tensor y = test.probes.targets.to(at::kDouble);
  const at::Tensor moved = -lr * ((p - y).unsqueeze(1) * gram), after = z + moved;
  const at::Tensor fall =
      at::binary_cross_entropy_with_logits(z, y, {}, {}, at::Reduction::None) -
      at::binary_cross_entropy_with_logits(after, y.expand({6, 6}), {}, {}, at::Reduction::None);
  for (const bool layered : {true, false}) {
    const auto results = test.measure({Measure::kL2Logit, Measure::kKernel, Measure::kTracin, Measure::kLoss},
                                      rule_of(Kind::kSgd, lr), layered);
    EXPECT_LT(distance(results[0].ratios(), gram.abs() / squares.unsqueeze(1)), 1e-9);
    EXPECT_LT(distance(results[1].ratios(), gram / squares.outer(squares).sqrt()), 1e-9);
    EXPECT_LT(distance(results[2].ratios(), fall), 1e-9);
    EXPECT_LT(distance(results[3].ratios(), fall / fall.diagonal().unsqueeze(1)), 1e-7);
  }
}

TEST(BinaryEngine, AgreesWithTheNaiveProcedure) {
  Case test("mlp");
  test.type = at::kFloat;
  test.probes.inputs = test.probes.inputs.to(at::kFloat);
  const std::vector<Measure> distances(std::begin(engine::kDistances), std::end(engine::kDistances));
  for (const Kind kind : {Kind::kAdam, Kind::kSgd}) {
    const engine::StepRule rule = rule_of(kind, 0.01);
    const auto naive = bench::naive_means([&] { return test.net(); }, test.net()->parameters(), test.probes,
                                          rule, distances);
    const auto layered = test.measure(distances, rule, true), module = test.measure(distances, rule, false);
    for (std::size_t q = 0; q < distances.size(); ++q) {
      EXPECT_LT(bench::max_relative_difference(layered[q].matrix.mean, naive[q]), 1e-4) << name(distances[q]);
      EXPECT_LT(bench::max_relative_difference(module[q].matrix.mean, naive[q]), 1e-4) << name(distances[q]);
    }
  }
}

TEST(BinaryEngine, GivesTheSameThroughLayersAndAutograd) {
  const Case test("mlp");
  const std::vector<Measure> measures = {Measure::kKl,  Measure::kLinearityGap, Measure::kStiffness,
                                         Measure::kNtk, Measure::kKernel,       Measure::kL2};
  const auto layered = test.measure(measures, rule_of(Kind::kSgd, 0.01), true);
  const auto module = test.measure(measures, rule_of(Kind::kSgd, 0.01), false);
  for (std::size_t q = 0; q < measures.size(); ++q) {
    // NaN stands in for pairs that are left out: the same ones.
    const at::Tensor expected = at::tensor(module[q].ratios()).nan_to_num(-7);
    const at::Tensor got = at::tensor(layered[q].ratios()).nan_to_num(-7);
    EXPECT_LT((got - expected).abs().max().item<double>(), 1e-8) << name(measures[q]);
  }
}

class BinaryTraining : public ::testing::Test {
 protected:
  BinaryTraining() {
    config_.data.set = "gaussians";
    config_.data.dimension = 4;
    config_.data.points = 30;
    config_.data.gaussian_means = {0.4, -0.2};
    config_.model.type = "linear";
    config_.training.loss = Loss::kBinary;
    config_.training.optimizer = training::Optimizer::kSgd;
    config_.training.lr = 0.5;
    config_.training.batch = 0;
    config_.training.float64 = true;
    config_.probes.per_class = 3;
    config_.probes.every = 1;
    config_.probes.updates[0].optimizer = training::Optimizer::kSgd;
    config_.measures = {Measure::kKernel, Measure::kKl};
  }

  std::vector<at::Tensor> run() {
    memory_ = {};
    training::Loop loop(config_, {});
    loop.run(memory_, kNever);
    std::vector<at::Tensor> weights;
    for (const at::Tensor& parameter : loop.net().parameters()) weights.push_back(parameter.detach().clone());
    return weights;
  }

  void expect_error(const std::string& field, const std::string& what) {
    try {
      training::Loop loop(config_, {});
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.field(), field);
      EXPECT_THAT(error.what(), ::testing::HasSubstr(what));
    }
  }

  double last(const std::string& key) const { return memory_.points.at(key).back().second; }

  training::Config config_;
  hooke::tests::Memory memory_;
};

TEST_F(BinaryTraining, TakesTheStepOfLogisticRegression) {
  const data::DataSet data = data::load(config_.data, {}, stream_seed(0, training::Stream::kData));
  const at::Tensor x = at::tensor(data.train.inputs).view({-1, 4}).to(at::kDouble);
  const at::Tensor y = at::tensor(data.train.labels).to(at::kDouble);
  config_.training.lr = 0;
  const auto before = run();
  config_.training.lr = 0.5;
  const auto after = run();
  ASSERT_EQ(before[0].sizes(), (std::vector<std::int64_t>{1, 4}));
  const at::Tensor z = x.matmul(before[0][0]) + before[1];
  const at::Tensor error = 1 / (1 + (-z).exp()) - y;
  const double examples = static_cast<double>(y.size(0));
  EXPECT_LT((after[0][0] - (before[0][0] - 0.5 * x.t().matmul(error) / examples)).abs().max().item<double>(),
            1e-12);
  EXPECT_NEAR(after[1].item<double>(), before[1].item<double>() - 0.5 * error.mean().item<double>(), 1e-12);
  EXPECT_NEAR(last("train/loss"), (((1 + z.exp()).log() - y * z).mean().item<double>()), 1e-12);
  EXPECT_NEAR(last("train/accuracy"), (z > 0).eq(y > 0.5).to(at::kDouble).mean().item<double>(), 1e-12);

  const at::Tensor test_x = at::tensor(data.test.inputs).view({-1, 4}).to(at::kDouble);
  const at::Tensor test_z = test_x.matmul(after[0][0]) + after[1];
  const at::Tensor test_y = at::tensor(data.test.labels);
  EXPECT_NEAR(last("test/accuracy"), (test_z > 0).eq(test_y > 0).to(at::kDouble).mean().item<double>(),
              1e-12);
}

TEST_F(BinaryTraining, RecordsTheKernelOfTwoClasses) {
  run();
  ASSERT_EQ(memory_.measured.at(0).second, "elasticity/kernel");
  const engine::Matrix& kernel = memory_.matrices.at(0);
  ASSERT_EQ(kernel.classes, 2u);
  EXPECT_FLOAT_EQ(kernel.mean[1], kernel.mean[2]) << "a similarity is symmetric";
  for (const float mean : kernel.mean) EXPECT_LE(std::fabs(mean), 1.0f);
}

TEST_F(BinaryTraining, RefusesOtherThanTwoClassesAndMeasuresOfEachClassesOutput) {
  config_.measures = {Measure::kCollapse};
  expect_error("measures", "'collapse'");
  config_.measures = {Measure::kKl};
  config_.data.gaussian_means = {1, 2, 3};
  config_.data.gaussian_deviations = {1, 1, 1};
  expect_error("training.loss", "the data have 3");
}

}  // namespace
}  // namespace hooke
