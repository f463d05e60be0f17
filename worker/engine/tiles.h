// The inner loops of the engine: products of small tiles of a layer, compiled once for any CPU and
// once for AVX2 with FMA, chosen at run time.
//
// A value of one probe is laid out [height][width][channel]. Weights come in blocks of kLine
// outputs, [block][kernel row][kernel column][channel][kLine], so that one line of a block meets
// one number of the input; outputs that do not fill a block have weights 0. Every output is summed
// in an order that depends on nothing but the layer, so how probes are grouped changes no bit.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hooke::engine {

template <typename T>
inline constexpr std::size_t kLine = 64 / sizeof(T);

// A run of consecutive numbers of a probe's input against consecutive lines of a block.
struct Segment {
  std::uint32_t input = 0;   // first number
  std::uint32_t line = 0;    // first line
  std::uint32_t length = 0;  // how many of each
};

// out[row][position][output] = sum over the position's segments of input times weight, plus bias,
// plus `add`, then ReLU. A row is one probe.
template <typename T>
struct Product {
  const T* in = nullptr;
  std::size_t in_row = 0;  // numbers from one row to the next
  std::size_t rows = 0;
  const T* weights = nullptr;
  std::size_t depth = 0;                 // lines of a block
  const Segment* segments = nullptr;     // of all positions
  const std::uint32_t* first = nullptr;  // [positions + 1]: position p has segments first[p] to first[p + 1]
  std::size_t positions = 0;
  std::size_t outputs = 0;
  T* out = nullptr;
  std::size_t out_row = 0;
  const T* bias = nullptr;  // null, or padded to whole blocks
  const T* add = nullptr;   // null, or laid out as `out`, with its row size; may be `out`
  bool relu = false;
};

// How a gradient becomes new weights; the formulas of step.h.
enum class Rule {
  kGradient,   // the gradient itself
  kSgd,        // without momentum, or with a fresh state
  kMomentum,   // with a momentum buffer
  kFreshAdam,  // Adam's first step
  kAdam,       // with means of gradients and of their squares
};

template <typename T>
struct Coefficients {
  Rule rule = Rule::kGradient;
  T lr = 0, kept = 1, decay = 0, momentum = 0;
  T fresh = 1;  // kSgd: factor of the gradient (Nesterov's first step: 1 + momentum)
  bool nesterov = false;
  T beta1 = 0, beta2 = 0, epsilon = 0, scale1 = 1, root_scale2 = 1;
};

// A layer's parameters in blocks, with what the optimiser remembers of them.
template <typename T>
struct Parameters {
  const T* base = nullptr;
  const T* first = nullptr;   // kMomentum, kAdam
  const T* second = nullptr;  // kAdam
  T* result = nullptr;
};

// The gradient of one probe's loss with respect to a layer's weights, and the step along it.
// A kernel column of the layer sees the input at (stride * position + offset), where inside.
template <typename T>
struct WeightStep {
  const T* in = nullptr;  // [height][width][channels]
  std::size_t height = 1, width = 1, channels = 0;
  const T* error = nullptr;  // [out_height][out_width][blocks * kLine]
  std::size_t out_height = 1, out_width = 1, blocks = 0;
  std::size_t kernel_height = 1, kernel_width = 1, stride = 1;
  std::ptrdiff_t top = 0, left = 0;  // what the first kernel row and column add to stride * position
  Parameters<T> weights, bias;       // bias.result is null where there is none
};

template <typename T>
struct Tiles {
  void (*product)(const Product<T>&);
  void (*step)(const WeightStep<T>&, const Coefficients<T>&);
};

// The fastest that this CPU can do.
template <typename T>
const Tiles<T>& tiles();

}  // namespace hooke::engine
