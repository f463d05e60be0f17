// Dense and convolutional layers whose weights are drawn from an explicit generator.
//
// torch::nn's own layers draw from the global generator when they are made; these never do, so
// that making a replica disturbs nothing.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "worker/models/net.h"

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

 private:
  at::Tensor weight_, bias_;
};

// 3x3, padding 1; weights normal with deviation sqrt(2 / fan-out), bias 0.
class Conv3x3 : public torch::nn::Module {
 public:
  Conv3x3(std::int64_t inputs, std::int64_t outputs, bool bias, at::Generator& random);
  at::Tensor forward(const at::Tensor& inputs) const;  // [batch][inputs][h][w] to [batch][outputs][h][w]

 private:
  at::Tensor weight_, bias_;
};

// Each model's maker; the table in models.cpp names them.
std::shared_ptr<Net> make_linear(const Config& config, const Shape& shape, at::Generator& random);
std::shared_ptr<Net> make_mlp(const Config& config, const Shape& shape, at::Generator& random);
std::shared_ptr<Net> make_cnn(const Config& config, const Shape& shape, at::Generator& random);

}  // namespace hooke::models
