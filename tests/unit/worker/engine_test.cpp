// What the engine does beside the answers that closed_form_*_test.cpp knows.
#include "worker/engine/engine.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include <cmath>
#include <cstring>

#include "proto/hooke/error.h"
#include "tests/unit/worker/normal.h"

namespace hooke::engine {
namespace {

using tests::kNever;
using tests::normal;
using Kind = StepRule::Kind;
using Tensors = std::vector<at::Tensor>;
using Forward = std::function<at::Tensor(const Tensors&, const at::Tensor&)>;

// A net given by its weights and a function of them.
struct TestNet {
  Tensors weights;
  Forward forward;

  Replica replica() const {
    Tensors copies;
    for (const at::Tensor& weight : weights) copies.push_back(weight.clone().requires_grad_(true));
    const Forward function = forward;
    return {{copies, {}}, [copies, function](const at::Tensor& x) { return function(copies, x); }};
  }
};

Update sgd(double lr, double weight_decay = 0) {
  Update update;
  update.rule.kind = Kind::kSgd;
  update.rule.lr = lr;
  update.rule.weight_decay = weight_decay;
  return update;
}

// Squared loss and regression for targets [examples][outputs], cross-entropy for labels.
struct Case {
  TestNet net;
  Probes probes;
  Options options;

  Case(TestNet the_net, at::Tensor inputs, at::Tensor targets, std::size_t classes = 1)
      : net(std::move(the_net)),
        probes{{classes, static_cast<std::size_t>(inputs.size(0)) / classes, true}, inputs, targets} {
    options.loss = targets.dim() == 1 ? Loss::kCrossEntropy : Loss::kSquared;
    options.task = targets.dim() == 1 ? Task::kClassification : Task::kRegression;
    options.measures = {Measure::kL2};
    options.updates = {sgd(0.1)};
    options.keep_pairs = true;
  }

  std::vector<Result> measure() const {
    Engine engine(options, probes, [&] { return net.replica(); });
    return engine.measure({{net.weights, {}}, {}, nullptr}, kNever).value();
  }
};

// A small classifier with everything the engine meets, three classes of four probes.
Case classifier(at::ScalarType type = at::kDouble) {
  const TestNet net{{normal({7, 5}, 20, type), normal({3, 7}, 21, type)},
                    [](const Tensors& weights, const at::Tensor& x) {
                      return x.matmul(weights[0].t()).relu().matmul(weights[1].t());
                    }};
  const at::Tensor labels = at::arange(12, at::kLong).div(4, "floor");
  Case test(net, normal({12, 5}, 22, type), labels, 3);
  test.options.measures.assign(std::begin(kDistances), std::end(kDistances));
  test.options.updates = {Update{}, sgd(0.05)};
  test.options.updates[1].name = "sgd";
  return test;
}

TEST(Measuring, LeavesTheLiveWeightsAlone) {
  const Case test = classifier();
  const at::Tensor before = test.net.weights[0].clone();
  test.measure();
  EXPECT_TRUE(before.equal(test.net.weights[0]));
}

TEST(Measuring, AnswersNothingWhenItIsStopped) {
  const Case test = classifier();
  const std::atomic<bool> stop = true;
  Engine engine(test.options, test.probes, [&] { return test.net.replica(); });
  EXPECT_FALSE(engine.measure({{test.net.weights, {}}, {}, nullptr}, stop).has_value());
}

TEST(Measuring, PassesOnWhatTheNetThrows) {
  Case test = classifier();
  test.options.threads = 2;
  test.net.forward = [](const Tensors&, const at::Tensor&) -> at::Tensor {
    throw std::runtime_error("broken");
  };
  EXPECT_THROW(test.measure(), std::runtime_error);
}

TEST(DivergedNet, GivesNonFiniteResultsThatAreCounted) {
  Case test = classifier(at::kFloat);
  test.options.updates = {sgd(1e30)};
  test.options.measures = {Measure::kL2Logit};
  const Matrix diverged = test.measure()[0].matrix;
  EXPECT_GT(diverged.skipped[0] + diverged.nonfinite[0], 0u);
  test.net.weights[0].fill_(std::nan(""));
  EXPECT_THAT(test.measure()[0].matrix.skipped, ::testing::Each(16u));
}

TEST(TrainingUpdate, IsTheNextStepOfTheTrainingsOptimiser) {
  // With Adam's state after three steps; the expected S from torch.optim's own fourth step.
  Case test = classifier();
  test.options.measures = {Measure::kL2Logit};
  Update update;
  update.training = true;
  test.options.updates = {update};
  Tensors weights = test.net.replica().weights.parameters;
  torch::optim::Adam optimizer(weights, torch::optim::AdamOptions(0.01).weight_decay(0.1));
  const auto loss_of = [&](const Tensors& w, std::int64_t i, std::int64_t count) {
    return at::cross_entropy_loss(test.net.forward(w, test.probes.inputs.narrow(0, i, count)),
                                  test.probes.targets.narrow(0, i, count));
  };
  StepRule rule{Kind::kAdam, 0.01, 0, false, 0.1};
  StepState state;
  Tensors own = test.net.replica().weights.parameters;
  for (int step = 0; step < 3; ++step) {
    optimizer.zero_grad();
    loss_of(weights, 0, 12).backward();
    optimizer.step();
    const Tensors gradient = gradients(loss_of(own, 0, 12), own);
    const at::NoGradGuard no_grad;
    step_in_place(rule, state, own, gradient);
  }
  for (std::size_t k = 0; k < own.size(); ++k) EXPECT_TRUE(own[k].allclose(weights[k], 1e-12, 1e-14));

  Engine engine(test.options, test.probes, [&] { return test.net.replica(); });
  const auto pairs = engine.measure({{own, {}}, rule, &state}, kNever).value()[0].ratios();
  const at::Tensor before = test.net.forward(weights, test.probes.inputs).detach().clone();
  optimizer.zero_grad();
  loss_of(weights, 5, 1).backward();
  optimizer.step();
  const at::Tensor moved =
      (test.net.forward(weights, test.probes.inputs).detach() - before).square().sum(1).sqrt();
  for (std::int64_t j = 0; j < 12; ++j) {
    EXPECT_NEAR(pairs[static_cast<std::size_t>(5 * 12 + j)], (moved[j] / moved[5]).item<double>(), 1e-8);
  }
}

// Runs both optimisers side by side on the same gradients.
void expect_same_steps(const StepRule& rule,
                       const std::function<std::unique_ptr<torch::optim::Optimizer>(Tensors)>& make) {
  Tensors theirs = {normal({4, 3}, 30).requires_grad_(true)};
  Tensors ours = {theirs[0].detach().clone()};
  const auto optimizer = make(theirs);
  StepState state;
  for (std::uint64_t step = 0; step < 5; ++step) {
    const at::Tensor gradient = normal({4, 3}, 40 + step);
    at::Tensor result = at::empty_like(ours[0]);
    step_from(rule, state, 0, ours[0], gradient, result);
    step_in_place(rule, state, ours, {gradient});
    EXPECT_TRUE(result.equal(ours[0])) << "step " << step;
    theirs[0].mutable_grad() = gradient.clone();
    optimizer->step();
    EXPECT_TRUE(ours[0].allclose(theirs[0].detach(), 1e-10, 1e-12)) << describe(rule) << ", step " << step;
  }
}

TEST(Step, IsThatOfTorchOptim) {
  using namespace torch::optim;
  expect_same_steps({Kind::kSgd, 0.1, 0, false, 0.2},
                    [](Tensors p) { return std::make_unique<SGD>(p, SGDOptions(0.1).weight_decay(0.2)); });
  expect_same_steps({Kind::kSgd, 0.1, 0.9, false, 0},
                    [](Tensors p) { return std::make_unique<SGD>(p, SGDOptions(0.1).momentum(0.9)); });
  expect_same_steps({Kind::kSgd, 0.1, 0.9, true, 0.2}, [](Tensors p) {
    return std::make_unique<SGD>(p, SGDOptions(0.1).momentum(0.9).nesterov(true).weight_decay(0.2));
  });
  expect_same_steps({Kind::kAdam, 0.1, 0, false, 0.2},
                    [](Tensors p) { return std::make_unique<Adam>(p, AdamOptions(0.1).weight_decay(0.2)); });
  expect_same_steps({Kind::kAdamW, 0.1, 0, false, 0.2}, [](Tensors p) {
    return std::make_unique<AdamW>(p, AdamWOptions(0.1).weight_decay(0.2));
  });
}

}  // namespace
}  // namespace hooke::engine
