// Dense layers on the flattened input, with ReLU between them or, as a linear control, nothing.
#include <string>
#include <vector>

#include "worker/models/builtin.h"

namespace hooke::models {
namespace {

class Mlp : public Builtin<Mlp> {
 public:
  Mlp(const Config& config, const Shape& shape, at::Generator& random)
      : Builtin(config, shape), relu_(config.activation == Activation::kRelu) {
    std::int64_t width = shape.features();
    for (const int hidden : config.hidden) {
      add(width, hidden, config.bias, Dense::Init::kHe, random);
      width = hidden;
    }
    add(width, shape.outputs, config.bias, Dense::Init::kUniform, random);
  }

  at::Tensor forward(const at::Tensor& inputs) override {
    at::Tensor x = inputs.flatten(1);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      if (i > 0 && relu_) x = x.relu();
      x = layers_[i]->forward(x);
    }
    return x;
  }

  std::optional<engine::Layers> layers() const override {
    Description description = this->description();
    int x = 0;
    for (const auto& layer : layers_) x = description.dense(x, *layer, relu_ && layer != layers_.back());
    return description.layers();
  }

 private:
  void add(std::int64_t inputs, std::int64_t outputs, bool bias, Dense::Init init, at::Generator& random) {
    layers_.push_back(register_module("dense" + std::to_string(layers_.size()),
                                      std::make_shared<Dense>(inputs, outputs, bias, init, random)));
  }

  bool relu_;
  std::vector<std::shared_ptr<Dense>> layers_;
};

}  // namespace

std::shared_ptr<Net> make_mlp(const Config& config, const Shape& shape, at::Generator& random) {
  return std::make_shared<Mlp>(config, shape, random);
}

}  // namespace hooke::models
