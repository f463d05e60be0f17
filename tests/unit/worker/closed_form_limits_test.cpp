// Nets whose elasticity is known, exactly or for small updates: cases 1 to 6, named by what they say.
// In float64 and, as far as its rounding lets the answer be seen, in float32; by the engine's own
// loops and by autograd.
#include <tuple>

#include "tests/unit/worker/closed_form.h"

namespace hooke::engine {
namespace {

// What rounding leaves of S after an update that moves predictions of size 1 by about `moved`.
double rounding(const Kernels& kernels, double moved) {
  return kernels.exact() ? 1e-8 : 1e-5 + 3e-6 / moved;
}

TEST(Case1Linear, HasTheRatioOfInnerProductsForEveryRateAndAtEveryStep) {
  models::Config config = config_of("linear");
  config.bias = false;
  const at::Tensor x = normal({6, 4}, 1), y = normal({6, 1}, 2), expected = ratio_of(x.matmul(x.t()));
  for (const Kernels& kernels : kKernels) {
    Subject subject(config, x, y, 1, kernels);
    StepState state;
    for (int step = 0; step < 4; ++step) {
      for (const double lr : {1e-4, 0.01, 0.7, 30.0}) {
        EXPECT_LT(distance(subject.pairs(Measure::kL2, sgd(lr)), expected), rounding(kernels, lr))
            << kernels.name << ", lr " << lr << ", step " << step;
      }
      subject.train(sgd(0.1).rule, state);
    }
  }
}

TEST(Case2ReluGate, RespondsAsTheLinearNetWhereActiveNotAtAllWhereInactiveAndSkipsInactiveUpdates) {
  // The third example is inactive, and stays so: the largest step below is 0.02 long.
  const at::Tensor x = at::tensor({1.0, 0.5, 2.0, -1.0, -1.0, 0.3, 0.4, 3.0}, at::kDouble).view({4, 2});
  const at::Tensor y = at::full({4, 1}, 0.9, at::kDouble);
  const at::Tensor expected = ratio_of(x.matmul(x.t()));
  for (const Kernels& kernels : kKernels) {
    SCOPED_TRACE(kernels.name);
    Subject subject(config_of("relu_gate"), x, y, 1, kernels);
    {
      const at::NoGradGuard no_grad;
      subject.net->parameters()[0].copy_(at::tensor({1.0, 0.1}).view({1, 2}));
    }
    const at::Tensor pairs = subject.pairs(Measure::kL2, sgd(0.01));
    for (const std::int64_t updated : {0, 1, 3}) {
      for (const std::int64_t responding : {0, 1, 3}) {
        EXPECT_NEAR(pairs[updated][responding].item<double>(), expected[updated][responding].item<double>(),
                    rounding(kernels, 1e-3));
      }
      EXPECT_EQ(pairs[updated][2].item<double>(), 0) << "inactive before and after";
    }
    EXPECT_TRUE(pairs[2].isnan().all().item<bool>()) << "an inactive update";
    const Matrix matrix = subject.measure()[0].matrix;
    EXPECT_EQ(matrix.skipped[0], 4u);
    EXPECT_NEAR(matrix.mean[0], pairs.nanmean().item<double>(), 1e-6);
  }
}

// Expects that the distance of `pairs(lr)` to `limit` is proportional to the rate.
template <typename PairsOf>
void expect_error_halves(PairsOf pairs, const at::Tensor& limit, double lr, const Kernels& kernels) {
  const double whole = distance(pairs(lr), limit), half = distance(pairs(lr / 2), limit);
  EXPECT_LT(whole, 0.1) << kernels.name;
  EXPECT_GT(whole, kernels.exact() ? 1e-8 : 5e-4) << kernels.name << ": nothing to compare";
  EXPECT_NEAR(whole / half, 2, kernels.exact() ? 0.1 : 0.3) << kernels.name;
}

TEST(Case3WeightHomogeneous, TendsToTheRatioOfFeatureProductsAndTheErrorHalvesWithTheRate) {
  const at::Tensor x = normal({5, 4}, 4), y = normal({5, 1}, 5);
  for (const Kernels& kernels : kKernels) {
    if (kernels.layered) continue;  // this net is no list of layers
    for (const int degree : {1, 2, 3, 4}) {
      for (const bool random_features : {false, true}) {
        models::Config config = config_of("homogeneous");
        config.degree = degree;
        if (random_features) config.features = 8;
        Subject subject(config, x, y, 1, kernels);
        const at::Tensor phi =
            random_features ? x.matmul(subject.net->buffers()[0].t().to(at::kDouble)).relu() : x;
        const at::Tensor w = subject.net->parameters()[0].detach().to(at::kDouble);
        const at::Tensor limit = ratio_of((phi * w.pow(2 * (degree - 1))).matmul(phi.t()));
        SCOPED_TRACE("degree " + std::to_string(degree) + (random_features ? ", random features" : ""));
        const auto pairs = [&](double lr) { return subject.pairs(Measure::kL2, sgd(lr)); };
        if (degree == 1) {
          EXPECT_LT(distance(pairs(0.1), limit), rounding(kernels, 0.1)) << "linear: at every rate";
        } else {
          expect_error_halves(pairs, limit, kernels.exact() ? 1e-4 : 5e-2, kernels);
        }
      }
    }
  }
}

// Inner products of the gradients of a net's only output, by autograd in float64.
at::Tensor tangent_kernel(const Subject& subject) {
  const std::shared_ptr<models::Net> net = subject.net->copy();
  net->to(at::kDouble);
  const at::Tensor inputs = subject.probes.inputs.to(at::kDouble);
  std::vector<at::Tensor> rows;
  for (std::int64_t i = 0; i < inputs.size(0); ++i) {
    std::vector<at::Tensor> parts;
    for (const at::Tensor& part : gradients(net->forward(inputs.narrow(0, i, 1)).sum(), net->parameters())) {
      parts.push_back(part.flatten());
    }
    rows.push_back(at::cat(parts));
  }
  const at::Tensor all = at::stack(rows);
  return all.matmul(all.t());
}

// Small nets of every kind that is trained; the residual one with few parameters in each pass.
std::vector<std::pair<models::Config, std::vector<std::int64_t>>> nets() {
  models::Config mlp = config_of("mlp"), cnn = config_of("cnn"), vgg = config_of("vgg");
  mlp.hidden = {19, 7};
  cnn.channels = {5, 20};
  vgg.channels = {4, 6};
  models::Config resnet = config_of("resnet18");
  resnet.stem = models::Stem::kCifar;
  return {{mlp, {9}}, {cnn, {1, 11, 9}}, {vgg, {3, 9, 8}}, {resnet, {3, 8, 8}}};
}

std::vector<std::int64_t> sizes(std::int64_t count, const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> all = {count};
  all.insert(all.end(), shape.begin(), shape.end());
  return all;
}

TEST(Case4AnyNet, TendsToTheRatioOfTangentKernelsAndTheErrorHalvesWithTheRate) {
  for (const auto& [config, shape] : nets()) {
    for (const Kernels& kernels : kKernels) {
      // Autograd in float64 is what the large net's limit is computed with.
      if (config.type == "resnet18" && kernels.exact() && !kernels.layered) continue;
      Subject subject(config, normal(sizes(3, shape), 7), normal({3, 1}, 8), 1, kernels);
      const at::Tensor kernel = tangent_kernel(subject), limit = ratio_of(kernel);
      const at::Tensor error =
          (subject.net->forward(subject.probes.inputs) - subject.probes.targets).detach().to(at::kDouble);
      // `size`: how far the farthest prediction moves at its own example.
      const double own = (kernel.diagonal() * error.squeeze(1).abs()).max().item<double>();
      SCOPED_TRACE(config.type + std::string(", ") + kernels.name);
      const auto pairs = [&](double size) { return subject.pairs(Measure::kL2, sgd(size / own)); };
      if (config.type == "resnet18" && kernels.exact()) {
        // Of its many units some switch sooner; until one does, the error is lost in rounding.
        EXPECT_LT(distance(pairs(2e-6), limit), 1e-7);
        EXPECT_GT(distance(pairs(1e-3), limit), 1e-4) << "nothing to compare";
      } else if (kernels.exact()) {
        expect_error_halves(pairs, limit, 1e-5, kernels);
      } else {
        EXPECT_LT(distance(pairs(1e-2), limit), 0.03);
      }
    }
  }
}

constexpr double kDecay = 0.5;  // lambda / K with lambda 1 and two classes

at::Tensor features(const models::Net& net, const at::Tensor& x) {
  return x.matmul(net.buffers()[0].t().to(at::kDouble)).relu();
}

// S for weights w [classes][features] and features h, from gradients T w_k - [k = c] h.
at::Tensor ridge_pairs(const at::Tensor& w, const at::Tensor& h, const at::Tensor& one_hot, double decay) {
  std::vector<at::Tensor> rows;
  for (std::int64_t i = 0; i < h.size(0); ++i) {
    const at::Tensor t = h[i].outer(h[i]) + decay * at::eye(h.size(1), at::kDouble);
    const at::Tensor moved = h.matmul((w.matmul(t) - one_hot[i].outer(h[i])).t()).norm(2, 1);
    rows.push_back(moved / moved[i]);
  }
  return at::stack(rows);
}

// Gaussian classes of 100 features, `count` examples each, one after the other.
struct Gaussians {
  std::int64_t count;
  at::Tensor x, one_hot;

  explicit Gaussians(std::int64_t n, std::int64_t classes = 2) : count(n) {
    const double means[] = {9, 1, 5}, deviations[] = {1, 2, 1};
    std::vector<at::Tensor> all;
    for (std::int64_t c = 0; c < classes; ++c) {
      all.push_back(normal({n, 100}, 6 + static_cast<std::uint64_t>(c)) * deviations[c] + means[c]);
    }
    x = at::cat(all);
    one_hot = at::one_hot(at::arange(classes * n, at::kLong).div(n, "floor"), classes).to(at::kDouble);
  }
};

TEST(Case5Ridge, HasItsClosedFormForEveryRate) {
  for (const Kernels& kernels : kKernels) {
    if (kernels.layered) continue;  // fixed features are no layer of the engine's
    for (const std::int64_t classes : {2, 3}) {
      const Gaussians data(4, classes);
      Subject subject(config_of("ridge"), data.x, data.one_hot, classes, kernels);
      subject.options.task = Task::kClassification;
      const double decay = 1.0 / static_cast<double>(classes);
      const at::Tensor expected = ridge_pairs(subject.net->parameters()[0].detach().to(at::kDouble),
                                              features(*subject.net, data.x), data.one_hot, decay);
      for (const double lr : {1e-4, 1e-2, 1.0, 100.0}) {
        EXPECT_LT(distance(subject.pairs(Measure::kL2Logit, sgd(lr, decay)), expected), rounding(kernels, lr))
            << kernels.name << ", rate " << lr << ", " << classes << " classes";
      }
    }
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
  const at::Tensor some = at::tensor({0, 1, 2, 50, 51, 52}, at::kLong);
  const at::Tensor x = data.x.index_select(0, some), y = data.one_hot.index_select(0, some);
  Subject subject(config_of("ridge"), x, y, 2);
  subject.options.task = Task::kClassification;
  Subject all(config_of("ridge"), data.x, data.one_hot, 2);
  all.net = subject.net;
  const at::Tensor h_some = features(*subject.net, x);
  const Flow flow(features(*subject.net, data.x), data.one_hot,
                  subject.net->parameters()[0].detach().clone());
  const StepRule rule = sgd(step, kDecay).rule;
  StepState state;
  double farthest = 0, next_time = 0;
  for (int i = 0; i * step < 4; ++i) {
    if (const double time = i * step; time >= next_time - step / 10) {
      const at::Tensor expected = ridge_pairs(flow.at_time(time), h_some, y, kDecay);
      farthest = std::max(farthest, distance(subject.pairs(Measure::kL2Logit, sgd(0.01, kDecay)), expected));
      next_time = time < 4e-3 ? time + 1e-3 : time * 1.5;
    }
    all.train(rule, state);
  }
  return farthest;
}

TEST(Case5Ridge, FollowsTheWholeCurveOfGradientFlowAndHalfTheStepHalvesTheDistance) {
  const double whole = distance_from_flow(1e-3), half = distance_from_flow(5e-4);
  EXPECT_LT(whole, 0.1);
  EXPECT_GT(whole, 1e-6) << "nothing to compare";
  EXPECT_NEAR(whole / half, 2, 0.1);
}

TEST(Case6SmallSteps, RootOfKlAndL2TendToTheSameRatioWhereAllProbabilitiesAreEqual) {
  // A softmax of 0 everywhere: an update on x moves the logits at x' along one direction, by <x, x'>.
  models::Config config = config_of("linear");
  config.bias = false;
  const at::Tensor x = normal({6, 4}, 1), limit = ratio_of(x.matmul(x.t()));
  const at::Tensor labels = at::tensor({0, 0, 1, 1, 2, 2}, at::kLong);
  for (const Kernels& kernels : kKernels) {
    Subject subject(config, x, labels, 3, kernels);
    {
      const at::NoGradGuard no_grad;
      subject.net->parameters()[0].zero_();
    }
    const double lr = kernels.exact() ? 1e-4 : 0.02;
    expect_error_halves([&](double rate) { return subject.pairs(Measure::kKl, sgd(rate)).sqrt(); }, limit, lr,
                        kernels);
    expect_error_halves([&](double rate) { return subject.pairs(Measure::kL2, sgd(rate)); }, limit, lr,
                        kernels);
    const at::Tensor kl = subject.pairs(Measure::kKl, sgd(lr));
    EXPECT_LT(distance(kl, limit.square()), 0.1) << "quadratic where l2 is linear";
  }
}

TEST(Case6SmallSteps, KlTendsToTheQuadraticFormOfTheChangeOfTheLogits) {
  models::Config config = config_of("mlp");
  config.hidden = {19};
  const Images images(3, 2, {9});
  for (const Kernels& kernels : kKernels) {
    Subject subject(config, images.inputs, images.labels, 3, kernels);
    const std::shared_ptr<models::Net> net = subject.net->copy();
    net->to(at::kDouble);
    const std::vector<at::Tensor> weights = net->parameters();
    const at::Tensor inputs = images.inputs.to(at::kDouble);
    const at::Tensor p = net->forward(inputs).softmax(1).detach();
    at::Tensor expected = at::empty({6, 6}, at::kDouble);
    for (std::int64_t i = 0; i < 6; ++i) {
      // To first order the logit k at x' moves by -lr <grad z_k(x'), grad loss(x)>.
      const auto step = gradients(
          mean_loss(Loss::kCrossEntropy, net->forward(inputs.narrow(0, i, 1)), images.labels.narrow(0, i, 1)),
          weights);
      for (std::int64_t j = 0; j < 6; ++j) {
        at::Tensor moved = at::empty({3}, at::kDouble);
        for (std::int64_t k = 0; k < 3; ++k) {
          const auto slope = gradients(net->forward(inputs.narrow(0, j, 1))[0][k], weights);
          double sum = 0;
          for (std::size_t w = 0; w < weights.size(); ++w) sum += (slope[w] * step[w]).sum().item<double>();
          moved[k] = sum;
        }
        expected[i][j] = (p[j] * moved.square()).sum() - (p[j] * moved).sum().square();
      }
    }
    expect_error_halves([&](double lr) { return subject.pairs(Measure::kKl, sgd(lr)); },
                        expected / expected.diagonal().unsqueeze(1), kernels.exact() ? 1e-5 : 1e-3, kernels);
  }
}

TEST(Case6SmallSteps, RootOfKlIsL2OverTheRootOfBothProbabilities) {
  // Of two classes the quadratic form is p q dz^2 and the distance sqrt(2) p q |dz|, dz the change of
  // the logits' difference.
  models::Config config = config_of("cnn");
  config.channels = {4, 8};
  const Images images(2, 3, {1, 8, 8});
  for (const Kernels& kernels : kKernels) {
    Subject subject(config, images.inputs, images.labels, 2, kernels);
    const at::Tensor spread =
        subject.net->forward(subject.probes.inputs).detach().to(at::kDouble).softmax(1).prod(1).sqrt();
    const auto ratio = [&](double lr) {
      return subject.pairs(Measure::kKl, sgd(lr)).sqrt() / subject.pairs(Measure::kL2, sgd(lr));
    };
    const at::Tensor limit = spread.unsqueeze(1) / spread.unsqueeze(0);
    if (kernels.exact()) {
      expect_error_halves(ratio, limit, 1e-6, kernels);
    } else {
      EXPECT_LT(distance(ratio(1e-3), limit), 0.05) << kernels.name;
    }
  }
}

}  // namespace
}  // namespace hooke::engine
