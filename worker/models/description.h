// Writes down a net's layers for the engine, in the order in which they are computed.
#pragma once

#include "worker/engine/layers.h"
#include "worker/models/layers.h"
#include "worker/models/net.h"

namespace hooke::models {

// Each call adds a layer and returns the value that it makes; value 0 is the input.
class Description {
 public:
  static constexpr int kNone = engine::Layer::kNone;

  Description(const Net& net, const Shape& shape);

  int dense(int input, const Dense& dense, bool relu = false);
  int conv(int input, const Conv& conv, bool relu, int add = kNone);
  int max_pool(int input, std::size_t kernel, std::size_t stride, std::size_t padding, bool relu = false);
  int mean(int input);

  const engine::Layers& layers() const { return layers_; }

 private:
  int position(const at::Tensor& parameter) const;
  int add(const engine::Layer& layer);

  std::vector<at::Tensor> parameters_;
  engine::Layers layers_;
};

}  // namespace hooke::models
