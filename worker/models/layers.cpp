#include "worker/models/layers.h"

#include <ATen/ATen.h>

#include <cmath>

namespace hooke::models {

Dense::Dense(std::int64_t inputs, std::int64_t outputs, bool bias, Init init, at::Generator& random) {
  const auto fan_in = static_cast<double>(inputs);
  const double bound = 1 / std::sqrt(fan_in);
  at::Tensor weight = at::empty({outputs, inputs});
  if (init == Init::kHe) {
    weight.normal_(0, std::sqrt(2 / fan_in), random);
  } else {
    weight.uniform_(-bound, bound, random);
  }
  weight_ = register_parameter("weight", weight);
  if (!bias) return;
  bias_ = register_parameter("bias", at::zeros({outputs}));
  const at::NoGradGuard no_grad;
  if (init == Init::kUniform) bias_.uniform_(-bound, bound, random);
}

at::Tensor Dense::forward(const at::Tensor& inputs) const {
  return at::linear(inputs, weight_, bias_);
}

Conv3x3::Conv3x3(std::int64_t inputs, std::int64_t outputs, bool bias, at::Generator& random) {
  const auto fan_out = static_cast<double>(9 * outputs);
  at::Tensor weight = at::empty({outputs, inputs, 3, 3});
  weight.normal_(0, std::sqrt(2 / fan_out), random);
  weight_ = register_parameter("weight", weight);
  if (bias) bias_ = register_parameter("bias", at::zeros({outputs}));
}

at::Tensor Conv3x3::forward(const at::Tensor& inputs) const {
  return at::conv2d(inputs, weight_, bias_, /*stride=*/1, /*padding=*/1);
}

}  // namespace hooke::models
