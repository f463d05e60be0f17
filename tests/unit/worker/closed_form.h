// What the tests of known answers share: nets of worker/models on generated examples, measured by
// the engine, through its own loops or through autograd.
#pragma once

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/worker/normal.h"
#include "worker/engine/engine.h"
#include "worker/models/net.h"

namespace hooke::engine {

using tests::kNever;
using tests::normal;

inline Update sgd(double lr, double weight_decay = 0) {
  Update update;
  update.rule.kind = StepRule::Kind::kSgd;
  update.rule.lr = lr;
  update.rule.weight_decay = weight_decay;
  return update;
}

inline Update adam(double lr) {
  Update update;
  update.rule.lr = lr;
  return update;
}

inline models::Config config_of(const std::string& type) {
  models::Config config;
  config.type = type;
  return config;
}

// How the engine is asked to compute.
struct Kernels {
  const char* name;
  at::ScalarType type;
  bool layered;  // the engine's own loops, for a net that has them

  bool exact() const { return type == at::kDouble; }
};

inline constexpr Kernels kKernels[] = {{"float64, own loops", at::kDouble, true},
                                       {"float64, autograd", at::kDouble, false},
                                       {"float32, own loops", at::kFloat, true},
                                       {"float32, autograd", at::kFloat, false}};

// A net and the examples on which it is measured. Labels make a classification, real targets a
// regression whose probes are one class.
struct Subject {
  std::shared_ptr<models::Net> net;
  Probes probes;
  Options options;
  bool layered = true;

  // `targets` are int64 labels, class by class, or [examples][outputs].
  Subject(const models::Config& config, at::Tensor inputs, at::Tensor targets, std::int64_t outputs,
          const Kernels& kernels = kKernels[0])
      : layered(kernels.layered) {
    const bool labels = targets.dim() == 1;
    net = models::make(config, {inputs.sizes().slice(1).vec(), outputs}, 3, at::kDouble);
    net->to(kernels.type);
    net->eval();
    const auto count = static_cast<std::size_t>(inputs.size(0));
    const std::size_t classes = labels ? static_cast<std::size_t>(outputs) : 1;
    probes = {{classes, count / classes, true},
              inputs.to(kernels.type),
              labels ? targets : targets.to(kernels.type)};
    options.loss = labels ? Loss::kCrossEntropy : Loss::kSquared;
    options.task = labels ? Task::kClassification : Task::kRegression;
    options.measures = {Measure::kL2};
    options.updates = {sgd(0.1)};
    options.keep_pairs = true;
  }

  std::vector<Result> measure() const {
    Engine engine(options, probes, [&] {
      const std::shared_ptr<models::Net> copy = net->copy();
      return Replica{{copy->parameters(), copy->buffers()},
                     [copy](const at::Tensor& x) { return copy->forward(x); },
                     layered ? copy->layers() : std::nullopt};
    });
    return engine.measure({{net->parameters(), net->buffers()}, {}, nullptr}, kNever).value();
  }

  // S of every pair, [updated][responding], for one measure and one update.
  at::Tensor pairs(Measure what, const Update& update) {
    options.measures = {what};
    options.updates = {update};
    const std::int64_t m = probes.inputs.size(0);
    return at::tensor(measure().at(0).ratios(), at::kDouble).view({m, m});
  }

  // One step of plain SGD on all probes, or of the given optimiser.
  void train(const StepRule& rule, StepState& state) const {
    std::vector<at::Tensor> weights = net->parameters();
    const auto gradient =
        gradients(mean_loss(options.loss, net->forward(probes.inputs), probes.targets), weights);
    const at::NoGradGuard no_grad;
    step_in_place(rule, state, weights, gradient);
  }
};

// Largest |a - b|; NaN is no agreement.
inline double distance(const at::Tensor& a, const at::Tensor& b) {
  const double largest = (a - b.to(at::kDouble)).abs().max().item<double>();
  return std::isnan(largest) ? INFINITY : largest;
}

// |<a, b>| / |a|^2 of every pair of rows' inner products `gram`.
inline at::Tensor ratio_of(const at::Tensor& gram) {
  return gram.abs() / gram.diagonal().unsqueeze(1);
}

template <typename T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

// Images of classes that differ, `per_class` of each, and their labels.
struct Images {
  at::Tensor inputs, labels;

  Images(std::int64_t classes, std::int64_t per_class, at::IntArrayRef shape) {
    labels = at::arange(classes * per_class, at::kLong).div(per_class, "floor");
    std::vector<std::int64_t> all = {classes * per_class}, one = {classes};
    all.insert(all.end(), shape.begin(), shape.end());
    one.insert(one.end(), shape.begin(), shape.end());
    inputs = normal(all, 50) + normal(one, 51).index_select(0, labels);
  }
};

}  // namespace hooke::engine
