// How a net describes itself to the engine: a list of layers that needs no autograd.
//
// Plain values, no LibTorch. A net that has no such description is measured through its own
// forward pass.
#pragma once

#include <cstddef>
#include <vector>

namespace hooke::engine {

// Computes one value from earlier ones. Value 0 is the net's input; layer i makes value i + 1.
struct Layer {
  enum class Kind {
    kConv,     // square kernel; weight [outputs][channels][kernel][kernel]
    kDense,    // on the value flattened as [channels][height][width]; weight [outputs][inputs]
    kMaxPool,  // square kernel; what lies beyond the border is no candidate
    kMean,     // over height and width
  };
  static constexpr int kNone = -1;

  Kind kind = Kind::kDense;
  int input = 0;            // the value it reads
  int weight = kNone;       // which of the net's parameters; kConv, kDense
  int bias = kNone;         // likewise
  std::size_t outputs = 0;  // channels that it makes; kConv, kDense
  std::size_t kernel = 1;   // kConv, kMaxPool
  std::size_t stride = 1;
  std::size_t padding = 0;
  int add = kNone;    // kConv: a value of the same size that is added to the result
  bool relu = false;  // whether max(0, .) comes last
};

// A net: the last layer's value, which has height and width 1, is the output.
struct Layers {
  std::size_t channels = 0;  // of one input example
  std::size_t height = 1;
  std::size_t width = 1;
  std::vector<Layer> layers;
};

}  // namespace hooke::engine
