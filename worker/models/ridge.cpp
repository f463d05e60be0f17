// g_k(x) = <w_k, h(x)> on fixed random ReLU features h, without bias. With squared loss and weight
// decay this is ridge regression, whose training and elasticity have closed forms.
#include "worker/models/ridge.h"

#include <ATen/ATen.h>

#include "worker/models/builtin.h"

namespace hooke::models {
namespace {

constexpr int kDefaultFeatures = 10;

class Ridge : public Builtin<Ridge> {
 public:
  Ridge(const Config& config, const Shape& shape, at::Generator& random) : Builtin(config, shape) {
    const int width = config.features.value_or(kDefaultFeatures);
    features_ =
        register_module("features", std::make_shared<RandomFeatures>(shape.features(), width, random));
    dense_ = register_module("dense", std::make_shared<Dense>(width, shape.outputs, /*bias=*/false,
                                                              Dense::Init::kUniform, random));
  }

  at::Tensor forward(const at::Tensor& inputs) override {
    return dense_->forward(features_->forward(inputs));
  }

 private:
  std::shared_ptr<RandomFeatures> features_;
  std::shared_ptr<Dense> dense_;
};

}  // namespace

std::shared_ptr<Net> make_ridge(const Config& config, const Shape& shape, at::Generator& random) {
  return std::make_shared<Ridge>(config, shape, random);
}

at::Tensor ridge_features(const Net& net, const at::Tensor& inputs) {
  const auto exact = [](const at::Tensor& tensor) { return tensor.detach().to(at::kCPU, at::kDouble); };
  return exact(inputs).flatten(1).matmul(exact(net.buffers()[0]).t()).relu();
}

at::Tensor ridge_weights(const Net& net) {
  return net.parameters()[0].detach().to(at::kCPU, at::kDouble, /*non_blocking=*/false, /*copy=*/true);
}

}  // namespace hooke::models
