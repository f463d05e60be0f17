#include "worker/models/layers.h"

#include <ATen/ATen.h>

#include <cmath>

#include "proto/hooke/error.h"

namespace hooke::models {
namespace {

// Whether a pooling must know where each maximum stood. LibTorch's kernel always finds that out
// and takes some ten times as long as a few elementwise maxima.
bool needs_gradient(const at::Tensor& inputs) {
  return at::GradMode::is_enabled() && inputs.requires_grad();
}

// Maximum of elements 2i - 1, 2i and 2i + 1 along a dimension, where there are such.
at::Tensor maximum_of_three(const at::Tensor& inputs, std::int64_t dimension) {
  const at::Tensor even = inputs.slice(dimension, 0, c10::nullopt, 2);
  const at::Tensor odd = inputs.slice(dimension, 1, c10::nullopt, 2);
  at::Tensor result = even.clone(at::MemoryFormat::Contiguous);
  at::Tensor before = result.slice(dimension, 0, odd.size(dimension));
  at::maximum_out(before, before, odd);
  at::Tensor after = result.slice(dimension, 1);
  at::maximum_out(after, after, odd.slice(dimension, 0, after.size(dimension)));
  return result;
}

}  // namespace

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

Conv::Conv(const Sizes& sizes, bool bias, at::Generator& random)
    : stride_(sizes.stride), padding_(sizes.kernel / 2) {
  const auto fan_out = static_cast<double>(sizes.kernel * sizes.kernel * sizes.outputs);
  at::Tensor weight = at::empty({sizes.outputs, sizes.inputs, sizes.kernel, sizes.kernel});
  weight.normal_(0, std::sqrt(2 / fan_out), random);
  weight_ = register_parameter("weight", weight);
  if (bias) bias_ = register_parameter("bias", at::zeros({sizes.outputs}));
}

at::Tensor Conv::forward(const at::Tensor& inputs) const {
  return at::conv2d(inputs, weight_, bias_, stride_, padding_);
}

BatchNorm::BatchNorm(std::int64_t channels)
    : weight_(register_parameter("weight", at::ones({channels}))),
      bias_(register_parameter("bias", at::zeros({channels}))),
      running_mean_(register_buffer("running_mean", at::zeros({channels}))),
      running_variance_(register_buffer("running_var", at::ones({channels}))) {}

at::Tensor BatchNorm::forward(const at::Tensor& inputs) const {
  if (is_training() && inputs.size(0) * inputs.size(2) * inputs.size(3) < 2) {
    throw invalid("training.batch", "batch normalisation needs more than one value per channel; 2 or larger");
  }
  return at::batch_norm(inputs, weight_, bias_, running_mean_, running_variance_, is_training(),
                        /*momentum=*/0.1, /*eps=*/1e-5, /*cudnn_enabled=*/true);
}

NormedConv::NormedConv(const Conv::Sizes& sizes, Norm norm, bool bias, at::Generator& random)
    : conv_(register_module("conv", std::make_shared<Conv>(sizes, bias && norm == Norm::kNone, random))) {
  if (norm == Norm::kBatch) norm_ = register_module("norm", std::make_shared<BatchNorm>(sizes.outputs));
}

at::Tensor NormedConv::forward(const at::Tensor& inputs) const {
  const at::Tensor x = conv_->forward(inputs);
  return norm_ ? norm_->forward(x) : x;
}

at::Tensor max_pool2x2(const at::Tensor& inputs) {
  if (needs_gradient(inputs)) return at::max_pool2d(inputs, 2);
  const std::int64_t height = inputs.size(2) / 2 * 2, width = inputs.size(3) / 2 * 2;
  const at::Tensor rows = at::maximum(inputs.slice(2, 0, height, 2), inputs.slice(2, 1, height, 2));
  return at::maximum(rows.slice(3, 0, width, 2), rows.slice(3, 1, width, 2));
}

at::Tensor max_pool3x3(const at::Tensor& inputs) {
  if (needs_gradient(inputs)) return at::max_pool2d(inputs, 3, /*stride=*/2, /*padding=*/1);
  return maximum_of_three(maximum_of_three(inputs, 2), 3);
}

RandomFeatures::RandomFeatures(std::int64_t inputs, std::int64_t features, at::Generator& random) {
  at::Tensor weight = at::empty({features, inputs});
  weight.normal_(0, 1 / std::sqrt(static_cast<double>(inputs)), random);
  weight_ = register_buffer("weight", weight);
}

at::Tensor RandomFeatures::forward(const at::Tensor& inputs) const {
  return at::linear(inputs.flatten(1), weight_).relu();
}

}  // namespace hooke::models
