#include "worker/engine/layer_plan.h"

#include <algorithm>

#include "proto/hooke/error.h"

namespace hooke::engine {
namespace {

std::size_t pooled(const Layer& layer, std::size_t size) {
  const std::size_t padded = size + 2 * layer.padding;
  if (padded < layer.kernel) throw Error(Code::kInternal, "a layer's kernel is larger than what it sees");
  return (padded - layer.kernel) / layer.stride + 1;
}

ValueSize made_by(const Layer& layer, const ValueSize& in) {
  switch (layer.kind) {
    case Layer::Kind::kDense:
      return {layer.outputs, 1, 1};
    case Layer::Kind::kConv:
      return {layer.outputs, pooled(layer, in.height), pooled(layer, in.width)};
    case Layer::Kind::kMaxPool:
      return {in.channels, pooled(layer, in.height), pooled(layer, in.width)};
    case Layer::Kind::kMean:
      return {in.channels, 1, 1};
  }
  throw Error(Code::kInternal, "a layer of no known kind");
}

// Kernel elements (first to last) that see the input from some position.
struct Live {
  std::size_t first, last;
};

Live live(const Layer& layer, std::size_t size, std::size_t positions) {
  Live result{layer.kernel, 0};
  for (std::size_t k = 0; k < layer.kernel; ++k) {
    for (std::size_t o = 0; o < positions; ++o) {
      const std::size_t at = o * layer.stride + k;
      if (at < layer.padding || at - layer.padding >= size) continue;
      result = {std::min(result.first, k), std::max(result.last, k + 1)};
    }
  }
  return result;
}

void plan_conv(LayerPlan& plan) {
  const Live rows = live(plan.layer, plan.seen.height, plan.made.height);
  const Live columns = live(plan.layer, plan.seen.width, plan.made.width);
  plan.top = rows.first;
  plan.left = columns.first;
  plan.kernel_height = rows.last - rows.first;
  plan.kernel_width = columns.last - columns.first;
  const std::size_t kernel = plan.layer.kernel, channels = plan.seen.channels;
  plan.source_size = channels * kernel * kernel;
  for (std::size_t y = 0; y < plan.kernel_height; ++y) {
    for (std::size_t x = 0; x < plan.kernel_width; ++x) {
      for (std::size_t c = 0; c < channels; ++c) {
        plan.source.push_back(
            static_cast<std::uint32_t>((c * kernel + plan.top + y) * kernel + plan.left + x));
      }
    }
  }
}

void plan_dense(LayerPlan& plan, const ValueSize& in) {
  plan.seen = {in.size(), 1, 1};
  plan.source_size = in.size();
  for (std::size_t p = 0; p < in.positions(); ++p) {
    for (std::size_t c = 0; c < in.channels; ++c) {
      plan.source.push_back(static_cast<std::uint32_t>(c * in.positions() + p));
    }
  }
}

}  // namespace

std::vector<LayerPlan> plan_layers(const Layers& layers) {
  std::vector<ValueSize> values = {{layers.channels, layers.height, layers.width}};
  std::vector<LayerPlan> plans;
  for (const Layer& layer : layers.layers) {
    const auto known = [&](int index) {
      return index >= 0 && static_cast<std::size_t>(index) < values.size();
    };
    if (!known(layer.input) || (layer.add != Layer::kNone && !known(layer.add))) {
      throw Error(Code::kInternal, "a layer reads a value that comes later");
    }
    LayerPlan plan;
    plan.layer = layer;
    plan.in = static_cast<std::size_t>(layer.input);
    plan.out = values.size();
    const ValueSize& in = values[plan.in];
    plan.seen = in;
    plan.made = made_by(layer, in);
    if (layer.add != Layer::kNone && values[static_cast<std::size_t>(layer.add)].size() != plan.made.size()) {
      throw Error(Code::kInternal, "a layer adds a value of another size");
    }
    if (layer.kind == Layer::Kind::kConv) plan_conv(plan);
    if (layer.kind == Layer::Kind::kDense) plan_dense(plan, in);
    values.push_back(plan.made);
    plans.push_back(std::move(plan));
  }
  if (plans.empty() || !plans.back().has_weights() || plans.back().made.positions() != 1) {
    throw Error(Code::kInternal, "the layers do not end in one vector of outputs");
  }
  return plans;
}

}  // namespace hooke::engine
