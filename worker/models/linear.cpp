// One dense layer on the flattened input.
#include "worker/models/builtin.h"

namespace hooke::models {
namespace {

class Linear : public Builtin<Linear> {
 public:
  Linear(const Config& config, const Shape& shape, at::Generator& random)
      : Builtin(config, shape),
        dense_(register_module("dense", std::make_shared<Dense>(shape.features(), shape.outputs, config.bias,
                                                                Dense::Init::kUniform, random))) {}

  at::Tensor forward(const at::Tensor& inputs) override { return dense_->forward(inputs.flatten(1)); }

  std::optional<engine::Layers> layers() const override {
    Description description = this->description();
    description.dense(0, *dense_);
    return description.layers();
  }

 private:
  std::shared_ptr<Dense> dense_;
};

}  // namespace

std::shared_ptr<Net> make_linear(const Config& config, const Shape& shape, at::Generator& random) {
  return std::make_shared<Linear>(config, shape, random);
}

}  // namespace hooke::models
