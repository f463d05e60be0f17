#include "worker/models/description.h"

#include <ATen/ATen.h>

#include "proto/hooke/error.h"

namespace hooke::models {

using engine::Layer;

Description::Description(const Net& net, const Shape& shape) : parameters_(net.parameters()) {
  const bool image = shape.input.size() == 3;
  layers_.channels = static_cast<std::size_t>(image ? shape.input[0] : shape.features());
  if (!image) return;
  layers_.height = static_cast<std::size_t>(shape.input[1]);
  layers_.width = static_cast<std::size_t>(shape.input[2]);
}

int Description::dense(int input, const Dense& dense, bool relu) {
  Layer layer;
  layer.kind = Layer::Kind::kDense;
  layer.input = input;
  layer.weight = position(dense.weight());
  layer.bias = position(dense.bias());
  layer.outputs = static_cast<std::size_t>(dense.weight().size(0));
  layer.relu = relu;
  return add(layer);
}

int Description::conv(int input, const Conv& conv, bool relu, int other) {
  Layer layer;
  layer.kind = Layer::Kind::kConv;
  layer.input = input;
  layer.weight = position(conv.weight());
  layer.bias = position(conv.bias());
  layer.outputs = static_cast<std::size_t>(conv.weight().size(0));
  layer.kernel = static_cast<std::size_t>(conv.weight().size(2));
  layer.stride = static_cast<std::size_t>(conv.stride());
  layer.padding = static_cast<std::size_t>(conv.padding());
  layer.add = other;
  layer.relu = relu;
  return add(layer);
}

int Description::max_pool(int input, std::size_t kernel, std::size_t stride, std::size_t padding, bool relu) {
  Layer layer;
  layer.kind = Layer::Kind::kMaxPool;
  layer.input = input;
  layer.kernel = kernel;
  layer.stride = stride;
  layer.padding = padding;
  layer.relu = relu;
  return add(layer);
}

int Description::mean(int input) {
  Layer layer;
  layer.kind = Layer::Kind::kMean;
  layer.input = input;
  return add(layer);
}

int Description::position(const at::Tensor& parameter) const {
  if (!parameter.defined()) return kNone;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (parameters_[i].is_same(parameter)) return static_cast<int>(i);
  }
  throw Error(Code::kInternal, "a layer has a parameter that is not the net's");
}

int Description::add(const Layer& layer) {
  layers_.layers.push_back(layer);
  return static_cast<int>(layers_.layers.size());
}

}  // namespace hooke::models
