// Layers whose weights are drawn from an explicit generator.
//
// torch::nn's own layers draw from the global generator when they are made; these never do, so
// that making a replica disturbs nothing.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <cstdint>
#include <memory>

#include "worker/models/config.h"

namespace hooke::models {

class Dense : public torch::nn::Module {
 public:
  // How the weights begin.
  enum class Init {
    kHe,       // normal, deviation sqrt(2 / fan-in), bias 0: before a ReLU
    kUniform,  // weights and bias uniform within 1 / sqrt(fan-in): the last layer
  };

  Dense(std::int64_t inputs, std::int64_t outputs, bool bias, Init init, at::Generator& random);
  at::Tensor forward(const at::Tensor& inputs) const;  // [batch][inputs] to [batch][outputs]

  const at::Tensor& weight() const { return weight_; }
  const at::Tensor& bias() const { return bias_; }  // undefined where there is none

 private:
  at::Tensor weight_, bias_;
};

// Square kernel, padded by half of it; weights normal with deviation sqrt(2 / fan-out), bias 0
// (He et al., arXiv 1502.01852).
class Conv : public torch::nn::Module {
 public:
  struct Sizes {
    std::int64_t inputs = 0;   // channels
    std::int64_t outputs = 0;  // channels
    std::int64_t kernel = 3;
    std::int64_t stride = 1;
  };

  Conv(const Sizes& sizes, bool bias, at::Generator& random);
  at::Tensor forward(const at::Tensor& inputs) const;  // [batch][inputs][h][w] to [batch][outputs][h'][w']

  const at::Tensor& weight() const { return weight_; }
  const at::Tensor& bias() const { return bias_; }  // undefined where there is none
  std::int64_t stride() const { return stride_; }
  std::int64_t padding() const { return padding_; }

 private:
  std::int64_t stride_, padding_;
  at::Tensor weight_, bias_;
};

// Per channel, as torch.nn.BatchNorm2d has it (epsilon 1e-5, momentum 0.1).
class BatchNorm : public torch::nn::Module {
 public:
  explicit BatchNorm(std::int64_t channels);
  at::Tensor forward(const at::Tensor& inputs) const;

 private:
  at::Tensor weight_, bias_, running_mean_, running_variance_;
};

// A convolution, then the configured normalisation, which takes the place of the bias.
class NormedConv : public torch::nn::Module {
 public:
  NormedConv(const Conv::Sizes& sizes, Norm norm, bool bias, at::Generator& random);
  at::Tensor forward(const at::Tensor& inputs) const;

  const Conv& conv() const { return *conv_; }
  bool is_normed() const { return norm_ != nullptr; }

 private:
  std::shared_ptr<Conv> conv_;
  std::shared_ptr<BatchNorm> norm_;  // null for Norm::kNone
};

// 2x2 max-pooling with stride 2. The same bits with and without gradients; faster without.
at::Tensor max_pool2x2(const at::Tensor& inputs);

// 3x3 max-pooling with stride 2 and padding 1, likewise.
at::Tensor max_pool3x3(const at::Tensor& inputs);

// Fixed random features max(0, Wx) of the flattened input; W is a buffer with independent normal
// entries of variance 1 / inputs.
class RandomFeatures : public torch::nn::Module {
 public:
  RandomFeatures(std::int64_t inputs, std::int64_t features, at::Generator& random);
  at::Tensor forward(const at::Tensor& inputs) const;  // [batch][...] to [batch][features]

 private:
  at::Tensor weight_;
};

}  // namespace hooke::models
