// A net described by its layers, computed without LibTorch: predictions of many probes, errors at
// every layer for a few, and the weights after one step on one of them.
//
// A Network is immutable and shared by threads; what a thread changes is its own Trace and its own
// weights. T is float or double. Weights are one buffer in the layout of tiles.h without the
// kernel elements that only ever see padding: no prediction depends on those.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include "worker/engine/layer_plan.h"
#include "worker/engine/tiles.h"

namespace hooke::engine {

// Numbers on cache lines of their own, 0 at first.
template <typename T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t size) : data_(new (kAlignment) T[size]()), size_(size) {}

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  void grow(std::size_t size) {
    if (size > size_) *this = Buffer(size);
  }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(T* data) const { operator delete[](data, kAlignment); }
  };
  std::unique_ptr<T[], Free> data_;
  std::size_t size_ = 0;
};

// What one pass leaves behind, for `rows` probes.
template <typename T>
struct Trace {
  std::size_t rows = 0;
  Buffer<T> values, errors;
  Buffer<T> padded;  // one probe's error at one layer, in whole lines
};

// A network's parameters after packing: the weights, and what an optimiser remembers of them.
template <typename T>
using Packed = Buffer<T>;

template <typename T>
class Network {
 public:
  // Throws hooke::Error (kInternal) when the layers do not fit together.
  explicit Network(const Layers& layers);

  std::size_t inputs() const { return values_[0].size(); }
  std::size_t outputs() const { return values_.back().size(); }

  // Multiply-adds of one prediction: all, and those that do not touch padding.
  double all_products() const { return all_products_; }
  double products() const { return products_; }
  // Numbers of one row's values that a prediction needs at a time.
  std::size_t activations() const { return reused_size_; }

  // `parameters` are those of the net, each contiguous.
  Packed<T> pack(std::span<const T* const> parameters) const;
  // The same weights as errors are propagated through them.
  Packed<T> transpose(const Packed<T>& weights) const;

  // Outputs [rows][outputs()] of inputs [rows][height][width][channels]; they live in the trace.
  const T* predict(const Packed<T>& weights, const T* inputs, std::size_t rows, Trace<T>& trace) const;

  // The same, keeping every value; then every layer's error from the error at the outputs
  // [rows][outputs()].
  const T* trace_values(const Packed<T>& weights, const T* inputs, std::size_t rows, Trace<T>& trace) const;
  void trace_errors(const Packed<T>& transposed, const T* output_errors, Trace<T>& trace) const;

  // To first order, what a change of all weights moves at the outputs: [rows][outputs()] for the
  // rows of a trace that has values. They live in `tangents`.
  const T* tangents(const Packed<T>& weights, const Packed<T>& change, const T* inputs, const Trace<T>& trace,
                    Buffer<T>& tangents) const;

  // A layer with weights, whose gradient for one row of a trace is the product of what it saw,
  // transposed, [depth][positions], and its errors [positions][outputs]; its bias's is their sum.
  struct Factors {
    std::size_t positions = 0, depth = 0, outputs = 0;
    bool has_bias = false;
  };
  std::vector<Factors> factors() const;
  // Copies both for layer `layer` of factors(): `seen` is [positions][depth].
  void copy_factors(std::size_t layer, const T* inputs, std::size_t row, const Trace<T>& trace, T* seen,
                    T* errors) const;

  // What the last layer sees, [features] of one row of a trace; 0 features when that is the input.
  std::size_t features() const { return nodes_.back().in == 0 ? 0 : nodes_.back().seen.size(); }
  // Which of the net's parameters are the last layer's weights.
  std::size_t last_weight() const { return static_cast<std::size_t>(nodes_.back().layer.weight); }
  // Where each feature's weight stands in an output's part of it.
  const std::vector<std::uint32_t>& last_source() const { return nodes_.back().source; }
  const T* features(std::size_t row, const Trace<T>& trace) const {
    return trace.values.data() + values_[nodes_.back().in].kept * trace.rows + row * features();
  }

  // All weights after one step on the probe of one row of the trace. `first` and `second` are the
  // optimiser's means, or null where the rule needs none.
  void step(const Coefficients<T>& coefficients, const Packed<T>& base, const Packed<T>* first,
            const Packed<T>* second, const T* inputs, std::size_t row, Trace<T>& trace,
            Packed<T>& result) const;

 private:
  struct Value : ValueSize {
    std::size_t kept = 0;    // where it lies in a trace of everything, for one row
    std::size_t reused = 0;  // where it lies when only what is still needed is kept
  };
  // Runs of each position, as in Product.
  struct Runs {
    std::vector<Segment> segments;
    std::vector<std::uint32_t> first = {0};
    void add(Segment segment);
    void end_position() { first.push_back(static_cast<std::uint32_t>(segments.size())); }
  };
  struct Node : LayerPlan {
    std::size_t blocks = 0, transposed_blocks = 0;
    std::size_t weights = 0, bias = 0;  // where they begin in a packed buffer
    std::size_t transposed = 0;         // likewise in a transposed one
    Runs forward, backward;
  };

  void plan_runs(Node& node) const;
  void place_values();
  T* value(std::size_t index, bool keep, std::size_t rows, Trace<T>& trace) const;
  const T* run(const Packed<T>& weights, const T* inputs, std::size_t rows, bool keep, Trace<T>& trace) const;
  // Weights, bias unless told, and `add`; ReLU is the caller's.
  Product<T> product(const Node& node, const Packed<T>& weights, const T* in, const T* add, std::size_t rows,
                     T* out) const;
  void send_back(const Node& node, const Packed<T>& transposed, const T* error, bool written,
                 std::size_t rows, Trace<T>& trace) const;

  std::vector<Value> values_;
  std::vector<Node> nodes_;
  std::size_t kept_size_ = 0, reused_size_ = 0;  // of one row
  std::size_t packed_size_ = 0, transposed_size_ = 0, padded_size_ = 0;
  double all_products_ = 0, products_ = 0;
};

}  // namespace hooke::engine
