// The models whose elasticity is known in closed form, through the engine, in double.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>

#include "worker/engine/engine.h"
#include "worker/models/net.h"

namespace hooke::models {
namespace {

using engine::Measure;

const std::atomic<bool> kNever = false;

at::Tensor normal(at::IntArrayRef sizes, std::uint64_t seed) {
  return at::randn(sizes, at::make_generator<at::CPUGeneratorImpl>(seed), at::TensorOptions(at::kDouble));
}

engine::Weights weights_of(const Net& net) {
  return {net.parameters(), net.buffers()};
}

// S of every pair, [updated][responding], after one SGD step of this size on each example of squared loss.
at::Tensor measure(const Net& net, const at::Tensor& x, const at::Tensor& y, Measure what, double lr,
                   double weight_decay = 0) {
  engine::Options options;
  options.loss = engine::Loss::kSquared;
  options.task = y.size(1) == 1 ? engine::Task::kRegression : engine::Task::kClassification;
  options.updates.resize(1);
  options.updates[0].rule.kind = engine::StepRule::Kind::kSgd;
  options.updates[0].rule.lr = lr;
  options.updates[0].rule.weight_decay = weight_decay;
  options.measures = {what};
  options.keep_pairs = true;
  options.threads = 2;
  const auto count = static_cast<std::size_t>(x.size(0));
  engine::Engine engine(options, {{1, count, true}, x, y}, [&] {
    const auto replica = net.copy();
    replica->eval();
    return engine::Replica{weights_of(*replica),
                           [replica](const at::Tensor& inputs) { return replica->forward(inputs); }};
  });
  const auto results = engine.measure({weights_of(net), {}, nullptr}, kNever).value();
  return at::tensor(results[0].pairs, at::kDouble).view({x.size(0), x.size(0)});
}

double distance(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

std::shared_ptr<Net> make_net(const Config& config, std::int64_t inputs, std::int64_t outputs) {
  return make(config, {{inputs}, outputs}, 3, at::kDouble);
}

void set_parameter(const Net& net, const at::Tensor& value) {
  const at::NoGradGuard no_grad;
  net.parameters()[0].copy_(value);
}

TEST(ReluGateModel, RespondsAsALinearOneWhereItIsActive) {
  Config config;
  config.type = "relu_gate";
  const auto net = make_net(config, 2, 1);
  set_parameter(*net, at::tensor({1.0, 0.1}, at::kDouble).view({1, 2}));
  // The third example is inactive, and stays so: the largest step below is 0.1 long.
  const at::Tensor x = at::tensor({1.0, 0.5, 2.0, -1.0, -1.0, 0.3, 0.4, 3.0}, at::kDouble).view({4, 2});
  const at::Tensor pairs = measure(*net, x, at::full({4, 1}, 0.9, at::kDouble), Measure::kL2, 0.01);
  const at::Tensor gram = x.matmul(x.t());
  at::Tensor expected = gram.abs() / gram.diagonal().unsqueeze(1);
  expected.select(1, 2).zero_();
  EXPECT_TRUE(pairs[2].isnan().all().item<bool>()) << "an inactive update is skipped";
  for (const std::int64_t i : {0, 1, 3}) EXPECT_LT(distance(pairs[i], expected[i]), 1e-9) << i;
}

// |pairs - limit| at the rate and at half of it.
void expect_error_of_first_order(const Net& net, const at::Tensor& x, const at::Tensor& y,
                                 const at::Tensor& limit, double lr) {
  const double whole = distance(measure(net, x, y, Measure::kL2, lr), limit);
  const double half = distance(measure(net, x, y, Measure::kL2, lr / 2), limit);
  EXPECT_LT(whole, 0.1);
  EXPECT_GT(whole, 1e-7) << "nothing to compare";
  EXPECT_NEAR(whole / half, 2, 0.1);
}

TEST(HomogeneousModel, HasTheRatioOfItsKernelForSmallSteps) {
  const at::Tensor x = normal({5, 4}, 4), y = normal({5, 1}, 5);
  for (const int degree : {2, 3, 4}) {
    for (const bool random_features : {false, true}) {
      Config config;
      config.type = "homogeneous";
      config.degree = degree;
      if (random_features) config.features = 8;
      const auto net = make_net(config, 4, 1);
      const at::Tensor phi =
          random_features ? x.matmul(net->buffers()[0].t()).relu() : x;  // the features' definition
      const at::Tensor w = net->parameters()[0].detach();
      const at::Tensor kernel = (phi * w.pow(2 * (degree - 1))).matmul(phi.t());
      const at::Tensor limit = kernel.abs() / kernel.diagonal().unsqueeze(1);
      SCOPED_TRACE("degree " + std::to_string(degree));
      expect_error_of_first_order(*net, x, y, limit, 1e-4);
    }
  }
}

// Two Gaussian classes, `count` examples each, one after the other.
struct Gaussians {
  std::int64_t count, dimension = 100;
  at::Tensor x, one_hot;

  explicit Gaussians(std::int64_t n) : count(n) {
    x = at::cat({normal({n, dimension}, 6) + 9, normal({n, dimension}, 7) * 2 + 1});
    one_hot = at::zeros({2 * n, 2}, at::kDouble);
    one_hot.narrow(0, 0, n).select(1, 0).fill_(1);
    one_hot.narrow(0, n, n).select(1, 1).fill_(1);
  }
};

constexpr double kDecay = 0.5;  // lambda / K with lambda 1 and two classes

std::shared_ptr<Net> ridge_net() {
  Config config;
  config.type = "ridge";
  return make_net(config, 100, 2);
}

at::Tensor features(const Net& net, const at::Tensor& x) {
  return x.matmul(net.buffers()[0].t()).relu();
}

// S for weights w [classes][features] and features h, from gradients T w_k - [k = c] h.
at::Tensor ridge_pairs(const at::Tensor& w, const at::Tensor& h, const at::Tensor& one_hot) {
  std::vector<at::Tensor> rows;
  for (std::int64_t i = 0; i < h.size(0); ++i) {
    const at::Tensor t = h[i].outer(h[i]) + kDecay * at::eye(h.size(1), at::kDouble);
    const at::Tensor gradient = w.matmul(t) - one_hot[i].outer(h[i]);
    const at::Tensor moved = h.matmul(gradient.t()).norm(2, 1);
    rows.push_back(moved / moved[i]);
  }
  return at::stack(rows);
}

TEST(RidgeModel, HasItsClosedFormForEveryRate) {
  const Gaussians data(6);
  const auto net = ridge_net();
  const at::Tensor expected =
      ridge_pairs(net->parameters()[0].detach(), features(*net, data.x), data.one_hot);
  for (const double lr : {1e-4, 1e-2, 1.0}) {
    const at::Tensor pairs = measure(*net, data.x, data.one_hot, Measure::kL2Logit, lr, kDecay);
    EXPECT_LT(distance(pairs, expected), 1e-8) << "rate " << lr;
  }
}

// Gradient flow w_k(t) = e^(-tM) (w_k(0) - M^-1 a_k) + M^-1 a_k, with M from the whole data set.
struct Flow {
  at::Tensor values, vectors, fixed_point, start;

  Flow(const at::Tensor& h, const at::Tensor& one_hot, const at::Tensor& w) : start(w) {
    const auto n = static_cast<double>(h.size(0));
    const at::Tensor m = h.t().matmul(h) / n + kDecay * at::eye(h.size(1), at::kDouble);
    std::tie(values, vectors) = at::linalg_eigh(m);
    fixed_point = at::linalg_solve(m, h.t().matmul(one_hot) / n).t();
  }

  at::Tensor at_time(double t) const {
    const at::Tensor decay = vectors.matmul((values * -t).exp().diag()).matmul(vectors.t());
    return (start - fixed_point).matmul(decay) + fixed_point;
  }
};

// Trains with full-batch SGD steps to time 4, when the slowest mode has decayed by e^-3 or so, and
// returns how far the curve of S, measured ever less often, is from the flow's.
double distance_from_flow(double step) {
  const Gaussians data(50);
  const auto net = ridge_net();
  const at::Tensor h = features(*net, data.x);
  const Flow flow(h, data.one_hot, net->parameters()[0].detach().clone());
  const at::Tensor some = at::tensor({0, 1, 2, 50, 51, 52}, at::kLong);
  const at::Tensor x = data.x.index_select(0, some), y = data.one_hot.index_select(0, some);
  const at::Tensor h_some = h.index_select(0, some);
  std::vector<at::Tensor> weights = net->parameters();
  const engine::StepRule rule{engine::StepRule::Kind::kSgd, step, 0, false, kDecay};
  engine::StepState state;
  double farthest = 0, next_time = 0;
  for (int i = 0; i * step < 4; ++i) {
    if (const double time = i * step; time >= next_time - step / 10) {
      const at::Tensor expected = ridge_pairs(flow.at_time(time), h_some, y);
      farthest = std::max(farthest, distance(measure(*net, x, y, Measure::kL2Logit, 0.01, kDecay), expected));
      next_time = time < 4e-3 ? time + 1e-3 : time * 1.5;
    }
    const auto gradient = engine::gradients(
        engine::mean_loss(engine::Loss::kSquared, net->forward(data.x), data.one_hot), weights);
    const at::NoGradGuard no_grad;
    engine::step_in_place(rule, state, weights, gradient);
  }
  return farthest;
}

TEST(RidgeModel, FollowsTheExactCurveOfGradientFlow) {
  const double whole = distance_from_flow(1e-3), half = distance_from_flow(5e-4);
  EXPECT_LT(whole, 0.1);
  EXPECT_GT(whole, 1e-6) << "nothing to compare";
  EXPECT_NEAR(whole / half, 2, 0.1);
}

}  // namespace
}  // namespace hooke::models
