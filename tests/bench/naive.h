// The measurement as its definition reads, the yardstick of tests and benchmark: for each pair of
// classes and each updated probe a new net, the weights copied, one step of torch.optim, and two
// forward passes. Shares no formula with worker/engine. One thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <vector>

#include "worker/engine/engine.h"
#include "worker/models/net.h"

namespace hooke::bench {

using MakeNet = std::function<std::shared_ptr<models::Net>()>;

// Mean of S over each pair of classes, row-major [responding][updated], one for each measure.
// `rule` is Adam or SGD without momentum, from a fresh state; the loss is cross-entropy, or binary for
// a net with one output. Only the first `updated_per_class`
// probes of each class are updated; 0 means all.
std::vector<std::vector<double>> naive_means(const MakeNet& make_net, const std::vector<at::Tensor>& weights,
                                             const engine::Probes& probes, const engine::StepRule& rule,
                                             const std::vector<engine::Measure>& measures,
                                             std::size_t updated_per_class = 0);

// max|a - b| / max(|b|, 1e-3 max|B|), with b the naive procedure's.
double max_relative_difference(const std::vector<float>& engine, const std::vector<double>& naive);

}  // namespace hooke::bench
