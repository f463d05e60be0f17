// sum_i w_i^d phi_i(x) for each output: homogeneous of degree d in the weights, linear in the
// features. phi are the inputs themselves, or `features` fixed random ones.
#include <ATen/ATen.h>

#include <cmath>

#include "worker/models/builtin.h"

namespace hooke::models {
namespace {

class Homogeneous : public Builtin<Homogeneous> {
 public:
  Homogeneous(const Config& config, const Shape& shape, at::Generator& random)
      : Builtin(config, shape), degree_(config.degree) {
    std::int64_t width = shape.features();
    if (config.features) {
      features_ =
          register_module("features", std::make_shared<RandomFeatures>(width, *config.features, random));
      width = *config.features;
    }
    // So that w^d is about 1 / sqrt(width), as in a dense layer.
    const double deviation = std::pow(static_cast<double>(width), -0.5 / degree_);
    at::Tensor weight = at::empty({shape.outputs, width});
    weight.normal_(0, deviation, random);
    weight_ = register_parameter("weight", weight);
  }

  at::Tensor forward(const at::Tensor& inputs) override {
    return at::linear(features_ ? features_->forward(inputs) : inputs.flatten(1), weight_.pow(degree_));
  }

 private:
  int degree_;
  std::shared_ptr<RandomFeatures> features_;  // null for the inputs themselves
  at::Tensor weight_;                         // [outputs][width]
};

}  // namespace

std::shared_ptr<Net> make_homogeneous(const Config& config, const Shape& shape, at::Generator& random) {
  return std::make_shared<Homogeneous>(config, shape, random);
}

}  // namespace hooke::models
