// The measures beyond ratios of distances, against closed forms and numbers worked out by hand.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "proto/hooke/error.h"
#include "tests/unit/worker/normal.h"
#include "worker/engine/collapse.h"
#include "worker/engine/engine.h"
#include "worker/engine/gradient_measures.h"
#include "worker/engine/symmetric.h"

namespace hooke::engine {
namespace {

using tests::kNever;
using tests::normal;

constexpr std::int64_t kProbes = 6;
constexpr double kRate = 0.3;

// f(x) = sum of w^degree x, squared loss, one SGD update, two classes of three probes.
struct Net {
  int degree = 1;
  at::Tensor w = normal({4}, 1), x = normal({kProbes, 4}, 2), y = normal({kProbes, 1}, 3);
  Options options = [] {
    Options all;
    all.loss = Loss::kSquared;
    all.task = Task::kRegression;
    all.updates = {Update{}};
    all.updates[0].rule.kind = StepRule::Kind::kSgd;
    all.updates[0].rule.lr = kRate;
    all.keep_pairs = true;
    return all;
  }();

  Engine engine() const {
    return {options, Probes{{2, 3, true}, x, y}, [this] {
              const at::Tensor copy = w.clone().requires_grad_(true);
              const int d = degree;
              return Replica{{{copy}, {}},
                             [copy, d](const at::Tensor& in) { return in.matmul(copy.pow(d)).unsqueeze(1); }};
            }};
  }
  Live live() const { return {{{w}, {}}, {}, nullptr}; }
  Result measure(Measure which) {
    options.measures = {which};
    return engine().measure(live(), kNever).value().at(0);
  }
  at::Tensor error() const { return x.matmul(w.pow(degree)) - y.squeeze(1); }
  at::Tensor inner() const { return x.matmul(x.t()); }
  // Gradients of the losses, when degree is 1.
  at::Tensor loss_gradients() const { return error().unsqueeze(1) * x; }
};

double distance(const std::vector<double>& pairs, const at::Tensor& expected) {
  return (at::tensor(pairs).view_as(expected) - expected).abs().max().item<double>();
}

TEST(Kernel, OfALinearNetIsTheCosineOfItsInputsForEveryRate) {
  Net net;
  const at::Tensor size = net.inner().diagonal().sqrt();
  const at::Tensor cosine = net.inner() / size.outer(size);
  for (const double lr : {1e-3, 0.3, 7.0}) {
    net.options.updates[0].rule.lr = lr;
    EXPECT_LT(distance(net.measure(Measure::kKernel).ratios(), cosine), 1e-9) << lr;
  }
}

TEST(Kernel, IsRefusedForOtherUpdates) {
  Net net;
  net.options.updates[0].rule.kind = StepRule::Kind::kAdam;
  try {
    net.measure(Measure::kKernel);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kInvalidArgument);
    EXPECT_EQ(error.field(), "measures");
  }
}

TEST(Tracin, IsTheFallOfTheLoss) {
  Net net;
  const at::Tensor error = net.error();
  // After the update on i the error at j is e_j - lr e_i <x_i, x_j>.
  const at::Tensor after = error.unsqueeze(0) - kRate * error.unsqueeze(1) * net.inner();
  const at::Tensor fall = 0.5 * (error.square().unsqueeze(0) - after.square());
  const Result result = net.measure(Measure::kTracin);
  EXPECT_LT(distance(result.ratios(), fall), 1e-10);
  // Row: responding, column: updated.
  EXPECT_NEAR(result.matrix.mean[1], fall.narrow(0, 3, 3).narrow(1, 0, 3).mean().item<double>(), 1e-6);
  EXPECT_FLOAT_EQ(result.matrix.ratio_of_means[1], result.matrix.mean[1]);
}

TEST(Stiffness, IsTheCosineOfGradientsWithoutTheirOwn) {
  Net net;
  const at::Tensor g = net.loss_gradients(), size = g.square().sum(1).sqrt();
  const at::Tensor cosine = g.matmul(g.t()) / size.outer(size);
  const Result result = net.measure(Measure::kStiffness);
  EXPECT_LT(distance(result.ratios(), cosine), 1e-12);
  const at::Tensor own = cosine.narrow(0, 0, 3).narrow(1, 0, 3);
  EXPECT_NEAR(result.matrix.mean[0], ((own.sum() - 3) / 6).item<double>(), 1e-6);
  const Result sign = net.measure(Measure::kStiffnessSign);
  EXPECT_LT(distance(sign.ratios(), cosine.sign()), 1e-12);
  EXPECT_EQ(eligible_pairs(grouping_of(Measure::kStiffness, {2, 3, true})),
            (std::vector<std::int64_t>{6, 9, 9, 6}));
}

TEST(Ntk, OfALinearNetIsTheInnerProductOfInputs) {
  Net net;
  EXPECT_LT(distance(net.measure(Measure::kNtk).ratios(), net.inner()), 1e-12);
}

TEST(LinearityGap, IsZeroForALinearNetAndKnownForAQuadraticOne) {
  Net net;
  EXPECT_LT(
      distance(net.measure(Measure::kLinearityGap).ratios(), at::zeros({kProbes, kProbes}, at::kDouble)),
      1e-9);
  net.degree = 2;
  at::Tensor expected = at::empty({kProbes, kProbes}, at::kDouble);
  for (std::int64_t i = 0; i < kProbes; ++i) {
    const at::Tensor change = -kRate * net.error()[i] * 2 * net.w * net.x[i];
    const at::Tensor moved = net.x.matmul(2 * net.w * change + change.square()).abs();
    const at::Tensor linear = net.x.matmul(2 * net.w * change).abs();
    expected[i] = moved / moved[i] - linear / linear[i];
  }
  EXPECT_GT(expected.abs().max().item<double>(), 0.01);
  EXPECT_LT(distance(net.measure(Measure::kLinearityGap).ratios(), expected), 1e-9);
}

TEST(GradientScalars, AreThoseOfTheGradientsThemselves) {
  Net net;
  net.options.measures = {Measure::kCoherence, Measure::kConfusion, Measure::kNoiseScale,
                          Measure::kGramLambdaMax};
  std::map<std::string, double> got;
  const std::vector<Result> results = net.engine().measure(net.live(), kNever).value();
  for (const Result& result : results) {
    got.insert(result.scalars.begin(), result.scalars.end());
  }
  const at::Tensor g = net.loss_gradients(), gram = g.matmul(g.t());
  const double total = g.sum(0).square().sum().item<double>(), own = g.square().sum().item<double>();
  EXPECT_NEAR(got.at("gradients/coherence"), total / own, 1e-12);
  const at::Tensor apart = gram + at::eye(kProbes, at::kDouble) * 1e9;
  EXPECT_NEAR(got.at("gradients/confusion"), apart.min().item<double>(), 1e-12);
  const at::Tensor size = gram.diagonal().sqrt();
  EXPECT_NEAR(got.at("gradients/confusion_cosine"), (apart / size.outer(size)).min().item<double>(), 1e-12);
  EXPECT_NEAR(got.at("gradients/gram_lambda_max"),
              (std::get<0>(at::linalg_eigh(gram)) / kProbes).max().item<double>(), 1e-10);
}

TEST(GradientScalars, HaveTheNumbersOfSmallCases) {
  EXPECT_EQ(coherence(std::vector<double>{1, 0, 0, 1}, 2), 1);
  EXPECT_EQ(coherence(std::vector<double>{3, 3, 3, 3}, 2), 2);
  // Gradients (2, 0) and (1, 1): their mean is (1.5, 0.5), the sample covariance has trace 1, and
  // |G|^2 is 2.5 - 1/2.
  EXPECT_DOUBLE_EQ(noise_scale(std::vector<double>{4, 2, 2, 2}, 2), 0.5);
  EXPECT_TRUE(std::isnan(noise_scale(std::vector<double>{1, 0, 0, 1}, 2)));
  EXPECT_NEAR(gram_lambda_max(std::vector<double>{4, 0, 0, 2}, 2), 2, 1e-12);
  EXPECT_EQ(gram_lambda_max(std::vector<double>(4, 0), 2), 0);
  const Confusion both = confusion(std::vector<double>{4, -2, -2, 4}, 2);
  EXPECT_EQ(both.product, -2);
  EXPECT_DOUBLE_EQ(both.cosine, -0.5);
}

TEST(Eigen, ReproducesItsMatrix) {
  const at::Tensor half = normal({5, 5}, 9), matrix = half.matmul(half.t());
  const Eigen spectrum = eigen({matrix.data_ptr<double>(), matrix.data_ptr<double>() + 25}, 5);
  const at::Tensor v = at::tensor(spectrum.vectors).view({5, 5}), values = at::tensor(spectrum.values);
  EXPECT_LT((v.matmul(values.diag()).matmul(v.t()) - matrix).abs().max().item<double>(), 1e-12);
}

TEST(Collapse, IsZeroOnASimplexWithWeightsAlongTheMeans) {
  // Three corners of an equilateral triangle, two equal probes each, and an offset that centring
  // takes away.
  const double s = std::sqrt(3.0) / 2;
  std::vector<double> features, weights, z;
  const double corners[3][2] = {{1, 0}, {-0.5, s}, {-0.5, -s}};
  for (int c = 0; c < 3; ++c) {
    for (int i = 0; i < 2; ++i) {
      features.insert(features.end(), {corners[c][0] + 7, corners[c][1] - 2});
      for (int k = 0; k < 3; ++k) z.push_back(k == c);
    }
    weights.insert(weights.end(), {5 * corners[c][0], 5 * corners[c][1]});
  }
  const Collapse result = collapse({3, 2, true}, features, weights, z);
  EXPECT_NEAR(result.nc1, 0, 1e-12);
  EXPECT_NEAR(result.nc2, 0, 1e-12);
  EXPECT_NEAR(result.nc3, 0, 1e-12);
  EXPECT_EQ(result.nc4, 0);
}

TEST(Collapse, HasTheNumbersOfASmallCase) {
  // Classes around 1 and -1, spread 0.2: within 0.04, between 1. Weights that do not tell them
  // apart, and a net that calls everything class 0.
  const Collapse result = collapse({2, 2, true}, std::vector<double>{0.8, 1.2, -0.8, -1.2},
                                   std::vector<double>{1, 1}, std::vector<double>{1, 0, 1, 0, 1, 0, 1, 0});
  EXPECT_NEAR(result.nc1, 0.04 / 2, 1e-12);
  EXPECT_NEAR(result.nc2, 0, 1e-12);
  EXPECT_NEAR(result.nc3, std::sqrt(2.0), 1e-12);
  EXPECT_EQ(result.nc4, 0.5);
}

TEST(Collapse, AgreesWithThePseudoinverse) {
  const at::Tensor h = normal({9, 5}, 11), w = normal({3, 5}, 12), z = normal({9, 3}, 13);
  const auto numbers = [](const at::Tensor& t) {
    return std::vector<double>(t.data_ptr<double>(), t.data_ptr<double>() + t.numel());
  };
  const at::Tensor means = h.view({3, 3, 5}).mean(1), centred = means - h.mean(0);
  const at::Tensor around = h - means.repeat_interleave(3, 0);
  const at::Tensor within = around.t().matmul(around) / 9, between = centred.t().matmul(centred) / 3;
  const double expected = within.matmul(at::linalg_pinv(between, 1e-9)).trace().item<double>() / 3;
  EXPECT_NEAR(collapse({3, 3, true}, numbers(h), numbers(w), numbers(z)).nc1, expected, 1e-8 * expected);
}

}  // namespace
}  // namespace hooke::engine
