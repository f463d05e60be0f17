// A network: weights and a forward pass. Owned by whoever made it; one thread at a time.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "worker/engine/layers.h"
#include "worker/models/config.h"

namespace hooke::models {

// train() and eval() switch batch normalisation between the batch's statistics and the running
// ones, which are buffers; a net begins in training mode.
class Net : public torch::nn::Module {
 public:
  // Inputs [batch][...], as the data give them, to outputs [batch][outputs].
  virtual at::Tensor forward(const at::Tensor& inputs) = 0;

  // A net with the same weights and buffers, of the same type, on the same device and in the same
  // mode, that shares no tensor with this one. Touches no global random generator.
  virtual std::shared_ptr<Net> copy() const = 0;

  // What forward() computes in evaluation mode, with positions in parameters(), for the engine's
  // fast path; none for a net that is no list of such layers.
  virtual std::optional<engine::Layers> layers() const { return std::nullopt; }
};

// What the process that makes nets lets them do.
struct Options {
  // Where the TorchScript file lies that a configuration names; throws hooke::Error for one that
  // may not be read. Empty: TorchScript, which is other people's code, is not run at all.
  std::function<std::filesystem::path(const std::string& path)> find_torchscript;
};

// Makes the configured net on the CPU. Its weights are drawn from `seed` alone (see README.md);
// no global random generator is touched. Throws what check() throws, and for a TorchScript file
// kPermissionDenied where it may not be run and kInvalidArgument where it does not work.
std::shared_ptr<Net> make(const Config& config, const Shape& shape, std::int64_t seed, at::ScalarType dtype,
                          const Options& options = {});

}  // namespace hooke::models
