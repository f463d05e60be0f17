// What follows from a net's layers before any number is known: the size of every value, and which
// weights matter. No LibTorch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "worker/engine/layers.h"

namespace hooke::engine {

struct ValueSize {
  std::size_t channels = 0, height = 1, width = 1;
  std::size_t positions() const { return height * width; }
  std::size_t size() const { return channels * positions(); }
};

struct LayerPlan {
  Layer layer;
  std::size_t in = 0, out = 0;  // values: 0 is the net's input
  ValueSize seen;               // the input as the layer sees it: flattened for kDense
  ValueSize made;
  // Kernel rows and columns that see the input, and not only padding, from some position.
  std::size_t top = 0, left = 0, kernel_height = 1, kernel_width = 1;
  // The weights of one output that matter, [kernel row][kernel column][channel] (kDense:
  // [height][width][channel]): where each stands in the net's parameter [outputs][source_size].
  std::vector<std::uint32_t> source;
  std::size_t source_size = 0;

  bool has_weights() const { return layer.kind == Layer::Kind::kConv || layer.kind == Layer::Kind::kDense; }
  std::size_t depth() const { return source.size(); }
};

// One for each layer. Throws hooke::Error (kInternal) when the layers do not fit together, or do not
// end in one vector of outputs.
std::vector<LayerPlan> plan_layers(const Layers& layers);

}  // namespace hooke::engine
