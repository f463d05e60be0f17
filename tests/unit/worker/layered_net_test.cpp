// The engine's own loops and its batched products against LibTorch's forward pass and autograd,
// model by model.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "proto/hooke/error.h"
#include "tests/unit/worker/normal.h"
#include "worker/engine/engine.h"
#include "worker/engine/network.h"
#include "worker/models/net.h"

namespace hooke::engine {
namespace {

using tests::kNever;
using tests::normal;
using Kind = StepRule::Kind;

struct Subject {
  std::string name;
  models::Config config;
  models::Shape shape;
};

// For test listings.
void PrintTo(const Subject& subject, std::ostream* out) {
  *out << subject.name;
}

models::Config config_of(const std::string& type) {
  models::Config config;
  config.type = type;
  return config;
}

// Sizes that fill no line and no tile evenly, odd maps, one and several positions.
std::vector<Subject> subjects() {
  std::vector<Subject> all;
  const auto add = [&](const std::string& name, const models::Config& config, const models::Shape& shape) {
    all.push_back({name, config, shape});
  };
  add("linear", config_of("linear"), {{5}, 3});
  add("linear_on_images", config_of("linear"), {{2, 5, 4}, 3});
  models::Config mlp = config_of("mlp");
  mlp.hidden = {19, 7};
  add("mlp", mlp, {{2, 3, 3}, 4});
  models::Config cnn = config_of("cnn");
  cnn.channels = {5, 20};
  add("cnn", cnn, {{1, 11, 9}, 3});
  models::Config bare = cnn;
  bare.bias = false;
  add("cnn_without_bias", bare, {{3, 8, 8}, 3});
  models::Config vgg = config_of("vgg");
  vgg.channels = {4, 6};
  add("vgg", vgg, {{3, 9, 8}, 3});
  add("resnet18", config_of("resnet18"), {{3, 32, 32}, 3});
  models::Config small = config_of("resnet18");
  small.stem = models::Stem::kCifar;
  add("resnet18_on_8x8", small, {{3, 8, 8}, 3});
  return all;
}

// How a net is measured.
struct Way {
  bool layered = true;  // else through its forward pass
  int threads = 1;
  int batch = 0;    // updates side by side, as on a GPU
  int devices = 1;  // that the CPU plays
};
constexpr Way kForward{.layered = false}, kLoops{}, kBatched{.batch = 3};

class LayeredNet : public ::testing::TestWithParam<Subject> {
 protected:
  std::shared_ptr<models::Net> make(at::ScalarType type = at::kDouble) const {
    auto net = models::make(GetParam().config, GetParam().shape, 5, type);
    net->eval();
    return net;
  }

  Probes probes(at::ScalarType type = at::kDouble) const {
    std::vector<std::int64_t> sizes = GetParam().shape.input;
    sizes.insert(sizes.begin(), 2 * GetParam().shape.outputs);
    return {{static_cast<std::size_t>(GetParam().shape.outputs), 2, true},
            normal(sizes, 6).to(type),
            at::arange(2 * GetParam().shape.outputs, at::kLong).div(2, "floor")};
  }

  std::vector<Result> measure(const Live& live, const std::vector<Update>& updates, Way way,
                              at::ScalarType type = at::kDouble,
                              const std::vector<Measure>& measures = {Measure::kLoss,
                                                                      Measure::kL2Logit}) const {
    Options options;
    options.updates = updates;
    options.measures = measures;
    options.keep_pairs = true;
    options.threads = way.threads;
    options.batch = way.batch;
    if (way.devices > 1) options.devices.assign(static_cast<std::size_t>(way.devices), at::kCPU);
    Engine engine(options, probes(type), [&] {
      const auto net = make(type);
      return Replica{{net->parameters(), net->buffers()},
                     [net](const at::Tensor& x) { return net->forward(x); },
                     way.layered ? net->layers() : std::nullopt};
    });
    return engine.measure(live, kNever).value();
  }
};

Update update(Kind kind, double lr, double weight_decay = 0) {
  Update result;
  result.rule.kind = kind;
  result.rule.lr = lr;
  result.rule.weight_decay = weight_decay;
  return result;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    const double here = std::fabs(a[i] - b[i]) / std::fmax(std::fabs(b[i]), 1e-3);
    largest = here <= largest ? largest : here;  // NaN is no agreement
  }
  return a.size() == b.size() ? largest : 1;
}

TEST_P(LayeredNet, MeasuresWhatForwardAndAutogradDo) {
  const auto net = make();
  const std::vector<Update> updates = {update(Kind::kAdam, 1e-3), update(Kind::kAdam, 1e-3, 0.1),
                                       update(Kind::kSgd, 0.01, 0.1)};
  const Live live{{net->parameters(), net->buffers()}, {}, nullptr};
  const auto expected = measure(live, updates, kForward);
  std::vector<Way> ways = {kLoops, kBatched};
  // Large nets take their time.
  if (net->parameters().size() < 20)
    ways.insert(ways.end(), {Way{.batch = 1}, Way{.batch = 2, .devices = 3}});
  for (const Way way : ways) {
    const auto got = measure(live, updates, way);
    for (std::size_t q = 0; q < got.size(); ++q) {
      EXPECT_LT(largest_difference(got[q].ratios(), expected[q].ratios()), 1e-7)
          << "result " << q << ", batch " << way.batch;
    }
  }
}

TEST_P(LayeredNet, HasTheGradientsAndTangentsOfAutograd) {
  const auto net = make();
  const Live live{{net->parameters(), net->buffers()}, {}, nullptr};
  const std::vector<Measure> measures = {Measure::kLinearityGap, Measure::kStiffness, Measure::kNtk,
                                         Measure::kCoherence, Measure::kGramLambdaMax};
  const auto expected = measure(live, {update(Kind::kSgd, 0.05)}, kForward, at::kDouble, measures);
  for (const Way way : {kLoops, kBatched}) {
    const auto got = measure(live, {update(Kind::kSgd, 0.05)}, way, at::kDouble, measures);
    for (std::size_t q = 0; q < measures.size(); ++q) {
      EXPECT_LT(largest_difference(got[q].ratios(), expected[q].ratios()), 1e-7) << name(measures[q]);
      if (is_matrix(measures[q])) continue;
      EXPECT_NEAR(got[q].scalars.at(0).second, expected[q].scalars.at(0).second,
                  1e-9 * std::fabs(expected[q].scalars.at(0).second));
    }
  }
}

TEST_P(LayeredNet, TakesTheTrainingsState) {
  const auto net = make();
  std::vector<at::Tensor> weights = net->parameters();
  std::vector<StepRule> rules = {{Kind::kAdamW, 1e-3, 0, false, 0.1}};
  // Large nets take their time.
  if (weights.size() < 20) {
    rules.insert(
        rules.end(),
        {{Kind::kAdam, 1e-3, 0, false, 0.1}, {Kind::kSgd, 1e-2, 0.9}, {Kind::kSgd, 1e-2, 0.9, true, 0.1}});
  }
  for (const StepRule& rule : rules) {
    StepState state;
    for (int step = 0; step < 2; ++step) {
      const Probes all = probes();
      const auto gradient =
          gradients(mean_loss(Loss::kCrossEntropy, net->forward(all.inputs), all.targets), weights);
      const at::NoGradGuard no_grad;
      step_in_place(rule, state, weights, gradient);
    }
    Update training;
    training.training = true;
    const Live live{{weights, net->buffers()}, rule, &state};
    const auto expected = measure(live, {training}, kForward);
    for (const Way way : {kLoops, kBatched}) {
      const auto got = measure(live, {training}, way);
      for (std::size_t q = 0; q < got.size(); ++q) {
        EXPECT_LT(largest_difference(got[q].ratios(), expected[q].ratios()), 1e-6) << describe(rule);
      }
    }
  }
}

TEST_P(LayeredNet, HasTheSameBitsForAnyNumberOfThreads) {
  const auto net = make(at::kFloat);
  const Live live{{net->parameters(), net->buffers()}, {}, nullptr};
  const auto one = measure(live, {update(Kind::kAdam, 1e-3)}, kLoops, at::kFloat);
  for (const int threads : {2, 5}) {
    const auto many = measure(live, {update(Kind::kAdam, 1e-3)}, Way{.threads = threads}, at::kFloat);
    for (std::size_t q = 0; q < one.size(); ++q) {
      const std::vector<double> a = one[q].ratios(), b = many[q].ratios();
      EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(double)), 0);
    }
  }
}

// What the last layer sees and its weights are in one order, whatever the way: NC3 compares them.
TEST_P(LayeredNet, CollapseIsTheSameInLoopsAndBatches) {
  const auto net = make();
  const Live live{{net->parameters(), net->buffers()}, {}, nullptr};
  const std::vector<Update> updates = {update(Kind::kSgd, 0.05)};
  if (GetParam().config.type == "linear") {
    for (const Way way : {kLoops, kBatched})
      EXPECT_THROW(measure(live, updates, way, at::kDouble, {Measure::kCollapse}), Error);
    return;
  }
  const auto loops = measure(live, updates, kLoops, at::kDouble, {Measure::kCollapse});
  const auto batched = measure(live, updates, kBatched, at::kDouble, {Measure::kCollapse});
  ASSERT_EQ(loops.at(0).scalars.size(), 4u);
  for (std::size_t k = 0; k < 4; ++k) {
    const double value = loops[0].scalars[k].second;
    EXPECT_NEAR(batched[0].scalars[k].second, value, 1e-9 * std::fabs(value)) << loops[0].scalars[k].first;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, LayeredNet, ::testing::ValuesIn(subjects()),
                         [](const auto& subject) { return subject.param.name; });

TEST(Network, CountsTheProductsThatTouchNoPadding) {
  const auto net = models::make(config_of("resnet18"), {{3, 32, 32}, 3}, 0, at::kFloat);
  const Network<float> network(*net->layers());
  EXPECT_NEAR(network.all_products() / 1e6, 37.0, 0.1);
  EXPECT_NEAR(network.products() / 1e6, 21.7, 0.1);
}

}  // namespace
}  // namespace hooke::engine
