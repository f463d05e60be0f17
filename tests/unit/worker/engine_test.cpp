// The engine against cases whose answer is known, and against the naive procedure.
#include "worker/engine/engine.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include <cmath>
#include <cstring>

#include "proto/hooke/error.h"
#include "tests/bench/naive.h"

namespace hooke::engine {
namespace {

using Kind = StepRule::Kind;
using Tensors = std::vector<at::Tensor>;
using Forward = std::function<at::Tensor(const Tensors&, const at::Tensor&)>;

const std::atomic<bool> kNever = false;

at::Tensor normal(at::IntArrayRef sizes, std::uint64_t seed, at::ScalarType type = at::kDouble) {
  return at::randn(sizes, at::make_generator<at::CPUGeneratorImpl>(seed), at::kDouble).to(type);
}

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

// Everything is one class or several, squared loss, regression unless `options` say otherwise.
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
  std::vector<double> pairs() const { return measure()[0].pairs; }
};

at::Tensor inner(const at::Tensor& x) {
  return x.matmul(x.t());
}  // [i][j] = <x_i, x_j>

// Largest |pairs[i][j] - expected[i][j]|, i updated.
double distance(const std::vector<double>& pairs, const at::Tensor& expected) {
  const at::Tensor got = at::tensor(pairs).view_as(expected);
  return (got - expected.to(at::kDouble)).abs().max().item<double>();
}

TestNet linear_net(const at::Tensor& w) {
  return {{w}, [](const Tensors& weights, const at::Tensor& x) { return x.matmul(weights[0]).unsqueeze(1); }};
}

TEST(Linear, HasTheRatioOfInnerProductsForEveryRateAndAtEveryStep) {
  const at::Tensor x = normal({6, 4}, 1), y = normal({6, 1}, 2);
  const at::Tensor expected = inner(x).abs() / inner(x).diagonal().unsqueeze(1);
  Case test(linear_net(normal({4}, 3)), x, y);
  for (int step = 0; step < 4; ++step) {
    for (const double lr : {1e-4, 0.01, 0.7, 30.0}) {
      test.options.updates = {sgd(lr)};
      EXPECT_LT(distance(test.pairs(), expected), 1e-8) << "lr " << lr << ", step " << step;
    }
    // A training step by hand: w -= 0.1 * mean of (z - y) x.
    const at::Tensor error = x.matmul(test.net.weights[0]) - y.squeeze(1);
    test.net.weights[0] = test.net.weights[0] - 0.1 * x.t().matmul(error) / 6;
  }
}

TEST(ReluGate, RespondsOnlyWhereItIsActiveAndSkipsInactiveUpdates) {
  const at::Tensor x = at::tensor({1.0, 0.5, 2.0, -1.0, -1.0, 0.3, 0.4, 3.0}).view({4, 2});
  const TestNet gate{{at::tensor({1.0, 0.05})}, [](const Tensors& weights, const at::Tensor& inputs) {
                       return inputs.matmul(weights[0]).relu().unsqueeze(1);
                     }};
  Case test(gate, x, at::full({4, 1}, 0.9, at::kDouble));
  test.options.updates = {sgd(0.01)};
  const Result result = test.measure()[0];
  const at::Tensor gram = inner(x);
  const auto active = [](std::int64_t i) { return i != 2; };
  for (std::int64_t i = 0; i < 4; ++i) {
    for (std::int64_t j = 0; j < 4; ++j) {
      const double got = result.pairs[static_cast<std::size_t>(4 * i + j)];
      if (!active(i)) {
        EXPECT_TRUE(std::isnan(got));
      } else if (!active(j)) {
        EXPECT_EQ(got, 0);
      } else {
        EXPECT_NEAR(got, std::fabs((gram[i][j] / gram[i][i]).item<double>()), 1e-9);
      }
    }
  }
  EXPECT_EQ(result.matrix.skipped[0], 4u);
}

// Expects that the distance to `limit` is small and halves with the rate.
void expect_first_order_limit(Case test, const at::Tensor& limit, double lr) {
  double errors[2];
  for (const int round : {0, 1}) {
    test.options.updates = {sgd(round == 0 ? lr : lr / 2)};
    errors[round] = distance(test.pairs(), limit);
  }
  EXPECT_LT(errors[0], 0.2);
  EXPECT_GT(errors[0], 1e-7) << "nothing to compare";
  EXPECT_NEAR(errors[0] / errors[1], 2, 0.2);
}

TEST(WeightHomogeneousNet, HasTheKernelsRatioInTheLimit) {
  const at::Tensor phi = normal({5, 3}, 4), w = normal({3}, 5);
  const TestNet net{{w}, [](const Tensors& weights, const at::Tensor& x) {
                      return x.matmul(weights[0].square()).unsqueeze(1);
                    }};
  const at::Tensor kernel = (phi * w.square()).matmul(phi.t());
  expect_first_order_limit(Case(net, phi, normal({5, 1}, 6)), kernel.abs() / kernel.diagonal().unsqueeze(1),
                           1e-3);
}

TEST(SmoothNet, HasTheTangentKernelsRatioInTheLimit) {
  const at::Tensor x = normal({5, 3}, 7);
  const TestNet net{{normal({8, 3}, 8), normal({8}, 9)},
                    [](const Tensors& weights, const at::Tensor& inputs) {
                      return inputs.matmul(weights[0].t()).tanh().matmul(weights[1]).unsqueeze(1);
                    }};
  // Gradients by hand: of the outer weights tanh(Wx), of the inner ones v (1 - tanh^2) x'.
  const at::Tensor hidden = x.matmul(net.weights[0].t()).tanh();
  const at::Tensor outer = net.weights[1] * (1 - hidden.square());
  const at::Tensor kernel = inner(hidden) + inner(outer) * inner(x);
  expect_first_order_limit(Case(net, x, normal({5, 1}, 10)), kernel.abs() / kernel.diagonal().unsqueeze(1),
                           1e-3);
}

TEST(RidgeOnFeatures, HasItsClosedFormForEveryRate) {
  const double r = 0.25;
  const at::Tensor h = normal({6, 5}, 11).relu(), w = normal({2, 5}, 12);
  const at::Tensor labels = at::tensor({0, 0, 0, 1, 1, 1}, at::kLong);
  const TestNet net{{w},
                    [](const Tensors& weights, const at::Tensor& x) { return x.matmul(weights[0].t()); }};
  at::Tensor expected = at::empty({6, 6}, at::kDouble);
  for (std::int64_t i = 0; i < 6; ++i) {
    const at::Tensor t = h[i].outer(h[i]) + r * at::eye(5, at::kDouble);
    at::Tensor gradient = w.matmul(t);  // [k] = T w_k
    gradient[labels[i].item<std::int64_t>()] -= h[i];
    const at::Tensor moved = h.matmul(gradient.t()).square().sum(1).sqrt();
    expected[i] = moved / moved[i];
  }
  Case test(net, h, at::one_hot(labels, 2).to(at::kDouble), 2);
  test.options.measures = {Measure::kL2Logit};
  for (const double lr : {1e-4, 0.1, 5.0}) {
    test.options.updates = {sgd(lr, r)};
    EXPECT_LT(distance(test.pairs(), expected), 1e-8) << "lr " << lr;
  }
}

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

bool published(Measure measure) {
  return measure == Measure::kKlPublished || measure == Measure::kL2Published;
}

TEST(SelfInfluence, IsOneButForThePublishedMeasures) {
  for (const Result& result : classifier().measure()) {
    if (published(result.measure)) continue;
    for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ(result.pairs[13 * i], 1) << name(result.measure);
  }
}

TEST(UpdateOfRateZero, SkipsEveryPairButForThePublishedMeasures) {
  Case test = classifier(at::kFloat);
  test.options.updates = {sgd(0)};
  for (const Result& result : test.measure()) {
    const std::uint32_t expected = published(result.measure) ? 0 : 16;
    EXPECT_THAT(result.matrix.skipped, ::testing::Each(expected)) << name(result.measure);
    EXPECT_EQ(std::isnan(result.matrix.mean[0]), !published(result.measure)) << name(result.measure);
  }
}

std::vector<std::int64_t> reordered(const std::vector<std::int64_t>& classes,
                                    const std::vector<std::int64_t>& within) {
  std::vector<std::int64_t> order;
  for (const std::int64_t c : classes) {
    for (const std::int64_t p : within) order.push_back(4 * c + p);
  }
  return order;
}

TEST(Permuting, TheClassesPermutesTheMatrixAndTheProbesChangesNothing) {
  const Case test = classifier();
  const std::vector<std::int64_t> classes = {2, 0, 1};
  Case permuted = test;
  const at::Tensor order = at::tensor(reordered(classes, {3, 1, 0, 2}));
  permuted.probes.inputs = test.probes.inputs.index_select(0, order);
  permuted.probes.targets = test.probes.targets.index_select(0, order);
  const auto before = test.measure(), after = permuted.measure();
  for (std::size_t q = 0; q < before.size(); ++q) {
    for (std::size_t row = 0; row < 3; ++row) {
      for (std::size_t column = 0; column < 3; ++column) {
        const auto from = static_cast<std::size_t>(3 * classes[row] + classes[column]);
        EXPECT_FLOAT_EQ(after[q].matrix.mean[3 * row + column], before[q].matrix.mean[from]);
        EXPECT_FLOAT_EQ(after[q].matrix.sd[3 * row + column], before[q].matrix.sd[from]);
      }
    }
  }
}

template <typename T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

TEST(MeasuringThreads, NeverChangeABit) {
  Case test = classifier(at::kFloat);
  const auto expected = test.measure();
  for (const int threads : {2, 3, 5, 40}) {
    test.options.threads = threads;
    const auto got = test.measure();
    ASSERT_EQ(got.size(), expected.size());
    for (std::size_t q = 0; q < got.size(); ++q) {
      EXPECT_TRUE(same_bits(got[q].pairs, expected[q].pairs)) << threads << " threads";
      EXPECT_TRUE(same_bits(got[q].matrix.mean, expected[q].matrix.mean)) << threads << " threads";
      EXPECT_TRUE(same_bits(got[q].matrix.sd, expected[q].matrix.sd)) << threads << " threads";
    }
  }
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
  const auto pairs = engine.measure({{own, {}}, rule, &state}, kNever).value()[0].pairs;
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

// A convolutional net on images, three classes of five probes.
struct Images {
  models::Config config = [] {
    models::Config small;
    small.type = "cnn";
    small.channels = {4, 8};
    return small;
  }();
  models::Shape shape{{1, 12, 12}, 3};
  at::Tensor labels = at::arange(15, at::kLong).div(5, "floor");
  at::Tensor inputs = normal({15, 1, 12, 12}, 50, at::kFloat) +
                      normal({3, 1, 12, 12}, 51, at::kFloat).index_select(0, labels);
  Probes probes{{3, 5, true}, inputs, labels};
  std::shared_ptr<models::Net> net = make();

  std::shared_ptr<models::Net> make() const { return models::make(config, shape, 3, at::kFloat); }

  void expect_agreement(const Update& update, double tolerance) const {
    for (const bool layered : {false, true}) expect_agreement(update, tolerance, layered);
  }

  void expect_agreement(const Update& update, double tolerance, bool layered) const {
    Options options;
    options.updates = {update};
    options.measures.assign(std::begin(kDistances), std::end(kDistances));
    options.threads = 2;
    Engine engine(options, probes, [&] {
      const auto replica = make();
      return Replica{{replica->parameters(), {}},
                     [replica](const at::Tensor& x) { return replica->forward(x); },
                     layered ? replica->layers() : std::nullopt};
    });
    const auto results = engine.measure({{net->parameters(), {}}, {}, nullptr}, kNever).value();
    const auto naive =
        bench::naive_means([&] { return make(); }, net->parameters(), probes, update.rule, options.measures);
    for (std::size_t q = 0; q < results.size(); ++q) {
      EXPECT_LT(bench::max_relative_difference(results[q].matrix.mean, naive[q]), tolerance)
          << name(results[q].measure) << ", " << describe(update.rule);
    }
  }
};

TEST(Engine, AgreesWithTheNaiveProcedureAtInitialisation) {
  const Images images;
  images.expect_agreement(Update{}, 1e-5);
  images.expect_agreement(sgd(0.05, 0.01), 1e-5);
}

TEST(Engine, AgreesWithTheNaiveProcedureOnATrainedNet) {
  const Images images;
  torch::optim::Adam optimizer(images.net->parameters(), torch::optim::AdamOptions(3e-3));
  for (int step = 0; step < 20; ++step) {
    optimizer.zero_grad();
    at::cross_entropy_loss(images.net->forward(images.inputs), images.labels).backward();
    optimizer.step();
  }
  images.expect_agreement(Update{}, 1e-4);
}

}  // namespace
}  // namespace hooke::engine
