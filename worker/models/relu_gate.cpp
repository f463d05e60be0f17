// One unit without bias, max(0, <w, x>) of the flattened input.
#include <ATen/ATen.h>

#include "worker/models/builtin.h"

namespace hooke::models {
namespace {

class ReluGate : public Builtin<ReluGate> {
 public:
  ReluGate(const Config& config, const Shape& shape, at::Generator& random)
      : Builtin(config, shape),
        dense_(register_module("dense", std::make_shared<Dense>(shape.features(), 1, /*bias=*/false,
                                                                Dense::Init::kHe, random))) {}

  at::Tensor forward(const at::Tensor& inputs) override { return dense_->forward(inputs.flatten(1)).relu(); }

  std::optional<engine::Layers> layers() const override {
    Description description = this->description();
    description.dense(0, *dense_, /*relu=*/true);
    return description.layers();
  }

 private:
  std::shared_ptr<Dense> dense_;
};

}  // namespace

std::shared_ptr<Net> make_relu_gate(const Config& config, const Shape& shape, at::Generator& random) {
  return std::make_shared<ReluGate>(config, shape, random);
}

}  // namespace hooke::models
