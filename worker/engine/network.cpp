#include "worker/engine/network.h"

#include <algorithm>
#include <utility>

#include "worker/engine/pooling.h"

namespace hooke::engine {
namespace {

std::size_t blocks_of(std::size_t count, std::size_t line) {
  return (count + line - 1) / line;
}

}  // namespace

template <typename T>
Network<T>::Network(const Layers& layers) {
  values_.push_back({{layers.channels, layers.height, layers.width}});
  for (LayerPlan& plan : plan_layers(layers)) {
    values_.push_back({plan.made});
    Node& node = nodes_.emplace_back();
    static_cast<LayerPlan&>(node) = std::move(plan);
    if (node.has_weights()) plan_runs(node);
  }
  place_values();
}

template <typename T>
void Network<T>::Runs::add(Segment segment) {
  if (segments.size() > first.back()) {
    Segment& last = segments.back();
    if (last.input + last.length == segment.input && last.line + last.length == segment.line) {
      last.length += segment.length;
      return;
    }
  }
  segments.push_back(segment);
}

template <typename T>
void Network<T>::plan_runs(Node& node) const {
  const ValueSize &in = node.seen, &out = node.made;
  const Layer& layer = node.layer;
  const auto number = [](std::size_t value) { return static_cast<std::uint32_t>(value); };
  // Calls use(kernel row, kernel column, output position, input position) where they meet.
  const auto meet = [&](std::size_t oy, std::size_t ox, auto use) {
    for (std::size_t ky = 0; ky < node.kernel_height; ++ky) {
      const std::size_t y = oy * layer.stride + node.top + ky - layer.padding;  // wraps above the border
      if (y >= in.height) continue;
      for (std::size_t kx = 0; kx < node.kernel_width; ++kx) {
        const std::size_t x = ox * layer.stride + node.left + kx - layer.padding;
        if (x < in.width) use(ky * node.kernel_width + kx, oy * out.width + ox, y * in.width + x);
      }
    }
  };
  std::vector<std::vector<Segment>> back(in.height * in.width);
  for (std::size_t oy = 0; oy < out.height; ++oy) {
    for (std::size_t ox = 0; ox < out.width; ++ox) {
      meet(oy, ox, [&](std::size_t element, std::size_t to, std::size_t from) {
        node.forward.add({number(from * in.channels), number(element * in.channels), number(in.channels)});
        back[from].push_back(
            {number(to * out.channels), number(element * out.channels), number(out.channels)});
      });
      node.forward.end_position();
    }
  }
  for (const std::vector<Segment>& position : back) {
    for (const Segment& segment : position) node.backward.add(segment);
    node.backward.end_position();
  }
}

// Where everything lies in buffers, and how many products there are.
template <typename T>
void Network<T>::place_values() {
  std::vector<std::size_t> last_use(values_.size(), 0);
  for (const Node& node : nodes_) {
    last_use[node.in] = node.out;
    if (node.layer.add != Layer::kNone) last_use[static_cast<std::size_t>(node.layer.add)] = node.out;
  }
  last_use.back() = values_.size();
  const auto aligned = [](std::size_t size) { return blocks_of(size, kLine<T>) * kLine<T>; };
  // First fit among the values that are alive when each one is made.
  for (std::size_t v = 1; v < values_.size(); ++v) {
    values_[v].kept = kept_size_;
    kept_size_ += aligned(values_[v].size());
    bool moved = true;
    values_[v].reused = 0;
    while (moved) {
      moved = false;
      for (std::size_t other = 1; other < v; ++other) {
        const std::size_t begin = values_[other].reused, end = begin + aligned(values_[other].size());
        const std::size_t mine = values_[v].reused;
        if (last_use[other] < v || end <= mine || begin >= mine + aligned(values_[v].size())) continue;
        values_[v].reused = end;
        moved = true;
      }
    }
    reused_size_ = std::max(reused_size_, values_[v].reused + aligned(values_[v].size()));
  }
  for (Node& node : nodes_) {
    if (!node.has_weights()) continue;
    const Value& out = values_[node.out];
    node.blocks = blocks_of(out.channels, kLine<T>);
    node.weights = packed_size_;
    packed_size_ += node.blocks * node.depth() * kLine<T>;
    node.bias = packed_size_;
    packed_size_ += node.blocks * kLine<T>;
    node.transposed_blocks = blocks_of(node.seen.channels, kLine<T>);
    node.transposed = transposed_size_;
    const std::size_t elements = node.kernel_height * node.kernel_width;
    if (node.in != 0) transposed_size_ += node.transposed_blocks * elements * out.channels * kLine<T>;
    padded_size_ = std::max(padded_size_, out.height * out.width * node.blocks * kLine<T>);
    all_products_ += static_cast<double>(out.size() * node.source_size);
    for (const Segment& segment : node.forward.segments) {
      products_ += static_cast<double>(segment.length * out.channels);
    }
  }
}

template <typename T>
Packed<T> Network<T>::pack(std::span<const T* const> parameters) const {
  Packed<T> packed(packed_size_);
  for (const Node& node : nodes_) {
    if (!node.has_weights()) continue;
    const std::size_t outputs = values_[node.out].channels;
    const T* from = parameters[static_cast<std::size_t>(node.layer.weight)];
    T* to = packed.data() + node.weights;
    for (std::size_t first = 0; first < outputs; first += kLine<T>) {
      const std::size_t count = std::min(kLine<T>, outputs - first);
      for (const std::uint32_t source : node.source) {
        for (std::size_t k = 0; k < count; ++k) to[k] = from[(first + k) * node.source_size + source];
        to += kLine<T>;
      }
    }
    if (node.layer.bias == Layer::kNone) continue;
    const T* bias = parameters[static_cast<std::size_t>(node.layer.bias)];
    std::copy(bias, bias + outputs, packed.data() + node.bias);
  }
  return packed;
}

template <typename T>
Packed<T> Network<T>::transpose(const Packed<T>& weights) const {
  Packed<T> result(transposed_size_);
  for (const Node& node : nodes_) {
    if (!node.has_weights() || node.in == 0) continue;
    const std::size_t channels = node.seen.channels, outputs = values_[node.out].channels;
    T* to = result.data() + node.transposed;
    for (std::size_t first = 0; first < channels; first += kLine<T>) {
      const std::size_t count = std::min(kLine<T>, channels - first);
      for (std::size_t element = 0; element < node.kernel_height * node.kernel_width; ++element) {
        for (std::size_t output = 0; output < outputs; ++output, to += kLine<T>) {
          const std::size_t block = output / kLine<T>, lane = output % kLine<T>;
          const T* from = weights.data() + node.weights +
                          (block * node.depth() + element * channels + first) * kLine<T> + lane;
          for (std::size_t k = 0; k < count; ++k) to[k] = from[k * kLine<T>];
        }
      }
    }
  }
  return result;
}

template <typename T>
T* Network<T>::value(std::size_t index, bool keep, std::size_t rows, Trace<T>& trace) const {
  return trace.values.data() + (keep ? values_[index].kept : values_[index].reused) * rows;
}

template <typename T>
Product<T> Network<T>::product(const Node& node, const Packed<T>& weights, const T* in, const T* add,
                               std::size_t rows, T* out) const {
  const Value& made = values_[node.out];
  Product<T> product;
  product.in = in;
  product.in_row = node.seen.size();
  product.rows = rows;
  product.weights = weights.data() + node.weights;
  product.depth = node.depth();
  product.segments = node.forward.segments.data();
  product.first = node.forward.first.data();
  product.positions = made.height * made.width;
  product.outputs = made.channels;
  product.out = out;
  product.out_row = made.size();
  product.bias = node.layer.bias == Layer::kNone ? nullptr : weights.data() + node.bias;
  product.add = add;
  return product;
}

namespace {

// The window of a pooling layer from a value of one size to one of another.
template <typename Value>
Window window_of(const Layer& layer, const Value& in, const Value& out) {
  return {in.channels, in.height, in.width, out.height, out.width, layer.kernel, layer.stride, layer.padding};
}

}  // namespace

template <typename T>
const T* Network<T>::run(const Packed<T>& weights, const T* inputs, std::size_t rows, bool keep,
                         Trace<T>& trace) const {
  trace.rows = rows;
  trace.values.grow((keep ? kept_size_ : reused_size_) * rows);
  const auto at = [&](std::size_t index) -> const T* {
    return index == 0 ? inputs : value(index, keep, rows, trace);
  };
  for (const Node& node : nodes_) {
    const Value &seen = values_[node.in], &made = values_[node.out];
    const T* in = at(node.in);
    T* out = value(node.out, keep, rows, trace);
    if (node.has_weights()) {
      const int add = node.layer.add;
      Product<T> whole = product(
          node, weights, in, add == Layer::kNone ? nullptr : at(static_cast<std::size_t>(add)), rows, out);
      whole.relu = node.layer.relu;
      tiles<T>().product(whole);
      continue;
    }
    const Window window = window_of(node.layer, seen, made);
    for (std::size_t row = 0; row < rows; ++row) {
      const auto pool = node.layer.kind == Layer::Kind::kMaxPool ? max_pool<T> : mean_pool<T>;
      pool(window, in + row * seen.size(), out + row * made.size());
    }
    if (!node.layer.relu) continue;
    for (std::size_t k = 0; k < rows * made.size(); ++k) out[k] = out[k] < 0 ? 0 : out[k];
  }
  return at(values_.size() - 1);
}

template <typename T>
const T* Network<T>::predict(const Packed<T>& weights, const T* inputs, std::size_t rows,
                             Trace<T>& trace) const {
  return run(weights, inputs, rows, /*keep=*/false, trace);
}

template <typename T>
const T* Network<T>::trace_values(const Packed<T>& weights, const T* inputs, std::size_t rows,
                                  Trace<T>& trace) const {
  return run(weights, inputs, rows, /*keep=*/true, trace);
}

// Adds to the error at the node's input what its output's error causes there.
template <typename T>
void Network<T>::send_back(const Node& node, const Packed<T>& transposed, const T* error, bool written,
                           std::size_t rows, Trace<T>& trace) const {
  const Value &seen = values_[node.in], &made = values_[node.out];
  T* result = trace.errors.data() + seen.kept * rows;
  if (node.has_weights()) {
    Product<T> product;
    product.in = error;
    product.in_row = made.size();
    product.rows = rows;
    product.weights = transposed.data() + node.transposed;
    product.depth = node.kernel_height * node.kernel_width * made.channels;
    product.segments = node.backward.segments.data();
    product.first = node.backward.first.data();
    product.positions = node.seen.height * node.seen.width;
    product.outputs = node.seen.channels;
    product.out = result;
    product.out_row = seen.size();
    product.add = written ? result : nullptr;
    tiles<T>().product(product);
    return;
  }
  if (!written) std::fill_n(result, seen.size() * rows, T{0});
  const Window window = window_of(node.layer, seen, made);
  for (std::size_t row = 0; row < rows; ++row) {
    const T* from = error + row * made.size();
    T* to = result + row * seen.size();
    if (node.layer.kind == Layer::Kind::kMean) {
      mean_pool_back(window, from, to);
    } else {
      max_pool_back(window, trace.values.data() + seen.kept * rows + row * seen.size(), from, to);
    }
  }
}

template <typename T>
void Network<T>::trace_errors(const Packed<T>& transposed, const T* output_errors, Trace<T>& trace) const {
  const std::size_t rows = trace.rows;
  trace.errors.grow(kept_size_ * rows);
  const auto error_at = [&](std::size_t index) { return trace.errors.data() + values_[index].kept * rows; };
  std::vector<bool> written(values_.size(), false);
  std::copy(output_errors, output_errors + rows * outputs(), error_at(values_.size() - 1));
  for (std::size_t n = nodes_.size(); n-- > 0;) {
    const Node& node = nodes_[n];
    const std::size_t size = values_[node.out].size() * rows;
    T* error = error_at(node.out);
    if (node.layer.relu) {
      const T* made = trace.values.data() + values_[node.out].kept * rows;
      for (std::size_t k = 0; k < size; ++k) error[k] = made[k] > 0 ? error[k] : T{0};
    }
    if (node.layer.add > 0) {
      const auto add = static_cast<std::size_t>(node.layer.add);
      T* other = error_at(add);
      for (std::size_t k = 0; k < size; ++k) other[k] = written[add] ? other[k] + error[k] : error[k];
      written[add] = true;
    }
    if (node.in == 0) continue;
    send_back(node, transposed, error, written[node.in], rows, trace);
    written[node.in] = true;
  }
}

template <typename T>
void Network<T>::step(const Coefficients<T>& coefficients, const Packed<T>& base, const Packed<T>* first,
                      const Packed<T>* second, const T* inputs, std::size_t row, Trace<T>& trace,
                      Packed<T>& result) const {
  trace.padded.grow(padded_size_);
  const auto parameters = [&](std::size_t at) {
    return Parameters<T>{base.data() + at, first ? first->data() + at : nullptr,
                         second ? second->data() + at : nullptr, result.data() + at};
  };
  for (const Node& node : nodes_) {
    if (!node.has_weights()) continue;
    const Value& made = values_[node.out];
    const T* error = trace.errors.data() + made.kept * trace.rows + row * made.size();
    if (made.channels % kLine<T> != 0) {
      const std::size_t columns = node.blocks * kLine<T>;
      for (std::size_t p = 0; p < made.height * made.width; ++p) {
        T* to = trace.padded.data() + p * columns;
        std::fill(std::copy(error + p * made.channels, error + (p + 1) * made.channels, to), to + columns,
                  T{0});
      }
      error = trace.padded.data();
    }
    WeightStep<T> step;
    step.in = (node.in == 0 ? inputs : trace.values.data() + values_[node.in].kept * trace.rows) +
              row * node.seen.size();
    step.height = node.seen.height;
    step.width = node.seen.width;
    step.channels = node.seen.channels;
    step.error = error;
    step.out_height = made.height;
    step.out_width = made.width;
    step.blocks = node.blocks;
    step.kernel_height = node.kernel_height;
    step.kernel_width = node.kernel_width;
    step.stride = node.layer.kind == Layer::Kind::kConv ? node.layer.stride : 1;
    const auto padding = static_cast<std::ptrdiff_t>(node.layer.padding);
    step.top = static_cast<std::ptrdiff_t>(node.top) - padding;
    step.left = static_cast<std::ptrdiff_t>(node.left) - padding;
    step.weights = parameters(node.weights);
    if (node.layer.bias != Layer::kNone) step.bias = parameters(node.bias);
    tiles<T>().step(step, coefficients);
  }
}

template <typename T>
const T* Network<T>::tangents(const Packed<T>& weights, const Packed<T>& change, const T* inputs,
                              const Trace<T>& trace, Buffer<T>& tangents) const {
  const std::size_t rows = trace.rows;
  tangents.grow(kept_size_ * rows);
  const auto tangent_at = [&](std::size_t index) { return tangents.data() + values_[index].kept * rows; };
  const auto value_at = [&](std::size_t index) {
    return index == 0 ? inputs : trace.values.data() + values_[index].kept * rows;
  };
  for (const Node& node : nodes_) {
    const Value &seen = values_[node.in], &made = values_[node.out];
    T* out = tangent_at(node.out);
    if (node.has_weights()) {
      const int add = node.layer.add;
      tiles<T>().product(product(node, change, value_at(node.in),
                                 add > 0 ? tangent_at(static_cast<std::size_t>(add)) : nullptr, rows, out));
      if (node.in != 0) {
        Product<T> carried = product(node, weights, tangent_at(node.in), out, rows, out);
        carried.bias = nullptr;
        tiles<T>().product(carried);
      }
    } else if (node.in == 0) {
      std::fill_n(out, made.size() * rows, T{0});
    } else {
      const Window window = window_of(node.layer, seen, made);
      for (std::size_t row = 0; row < rows; ++row) {
        const T* in = tangent_at(node.in) + row * seen.size();
        T* to = out + row * made.size();
        if (node.layer.kind == Layer::Kind::kMean) {
          mean_pool(window, in, to);
        } else {
          max_pool_tangent(window, value_at(node.in) + row * seen.size(), in, to);
        }
      }
    }
    if (!node.layer.relu) continue;
    const T* value = value_at(node.out);
    for (std::size_t k = 0; k < made.size() * rows; ++k) out[k] = value[k] > 0 ? out[k] : T{0};
  }
  return tangent_at(values_.size() - 1);
}

template <typename T>
std::vector<typename Network<T>::Factors> Network<T>::factors() const {
  std::vector<Factors> all;
  for (const Node& node : nodes_) {
    if (!node.has_weights()) continue;
    const Value& made = values_[node.out];
    all.push_back({made.height * made.width, node.depth(), made.channels, node.layer.bias != Layer::kNone});
  }
  return all;
}

template <typename T>
void Network<T>::copy_factors(std::size_t layer, const T* inputs, std::size_t row, const Trace<T>& trace,
                              T* seen, T* errors) const {
  const auto node = std::find_if(nodes_.begin(), nodes_.end(), [&](const Node& candidate) {
    return candidate.has_weights() && layer-- == 0;
  });
  const Value& made = values_[node->out];
  const std::size_t positions = made.height * made.width, depth = node->depth();
  const T* in = (node->in == 0 ? inputs : trace.values.data() + values_[node->in].kept * trace.rows) +
                row * node->seen.size();
  std::fill_n(seen, positions * depth, T{0});
  for (std::size_t p = 0; p < positions; ++p) {
    for (std::uint32_t s = node->forward.first[p]; s < node->forward.first[p + 1]; ++s) {
      const Segment& segment = node->forward.segments[s];
      std::copy_n(in + segment.input, segment.length, seen + p * depth + segment.line);
    }
  }
  std::copy_n(trace.errors.data() + made.kept * trace.rows + row * made.size(), made.size(), errors);
}

template class Network<float>;
template class Network<double>;

}  // namespace hooke::engine
