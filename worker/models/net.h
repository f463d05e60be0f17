// A network: weights and a forward pass. Owned by whoever made it; one thread at a time.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <cstdint>
#include <memory>

#include "worker/models/config.h"

namespace hooke::models {

class Net : public torch::nn::Module {
 public:
  // Inputs [batch][...], as the data give them, to outputs [batch][outputs].
  virtual at::Tensor forward(const at::Tensor& inputs) = 0;
};

// Makes the configured net on the CPU. Its weights are drawn from `seed` alone (see README.md);
// no global random generator is touched. Throws what check() throws.
std::shared_ptr<Net> make(const Config& config, const Shape& shape, std::int64_t seed, at::ScalarType dtype);

}  // namespace hooke::models
