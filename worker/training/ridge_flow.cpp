#include "worker/training/ridge_flow.h"

#include <ATen/ATen.h>

#include <tuple>
#include <vector>

namespace hooke::training {

RidgeFlow::RidgeFlow(const FeatureExamples& examples, const at::Tensor& start, double decay) {
  const at::Tensor& h = examples.features;
  const auto n = static_cast<double>(h.size(0));
  const at::Tensor m = h.t().matmul(h) / n + decay * at::eye(h.size(1), at::kDouble);
  std::tie(rates_, vectors_) = at::linalg_eigh(m);
  start_ = start.matmul(vectors_);
  drive_ = examples.targets.t().matmul(h).matmul(vectors_) / n;
}

at::Tensor RidgeFlow::weights(double time) const {
  // (1 - e^(-t rate)) / rate, which is t where a direction has no rate.
  const at::Tensor gained =
      at::where(rates_.gt(0), -(rates_ * -time).expm1() / rates_, at::full_like(rates_, time));
  return (start_ * (rates_ * -time).exp() + drive_ * gained).matmul(vectors_.t());
}

engine::Matrix ridge_elasticity(const at::Tensor& weights, const FeatureExamples& probes, double decay,
                                const engine::Grouping& grouping) {
  const at::Tensor& h = probes.features;
  const at::Tensor error = h.matmul(weights.t()) - probes.targets;  // [updated][outputs]
  // [updated][responding][outputs]: <h', h> error + decay <h', w>
  const at::Tensor moved =
      h.matmul(h.t()).unsqueeze(2) * error.unsqueeze(1) + decay * h.matmul(weights.t()).unsqueeze(0);
  const at::Tensor above = moved.square().sum(2).sqrt().contiguous(), below = above.diagonal().contiguous();
  const auto numbers = [](const at::Tensor& t) {
    return std::span<const double>(t.data_ptr<double>(), static_cast<std::size_t>(t.numel()));
  };
  return engine::reduce(grouping, numbers(above), numbers(below));
}

}  // namespace hooke::training
