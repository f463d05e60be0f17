// What the models written in this folder share, and their makers.
#pragma once

#include <ATen/CPUGeneratorImpl.h>

#include <memory>

#include "worker/models/description.h"
#include "worker/models/layers.h"
#include "worker/models/net.h"

namespace hooke::models {

// Gives the tensors of `to` the values, type and device of those of `from`, and its mode. Both
// have the same architecture.
void copy_tensors(const Net& from, Net& to);

// The base of class Model, which is constructed as Model(config, shape, random).
template <class Model>
class Builtin : public Net {
 public:
  std::shared_ptr<Net> copy() const override {
    at::Generator unimportant = at::make_generator<at::CPUGeneratorImpl>(std::uint64_t{0});
    auto other = std::make_shared<Model>(config_, shape_, unimportant);
    copy_tensors(*this, *other);
    return other;
  }

 protected:
  Builtin(const Config& config, const Shape& shape) : config_(config), shape_(shape) {}

  Description description() const { return {*this, shape_}; }

 private:
  Config config_;
  Shape shape_;
};

// One for each line of the table in models.cpp. They trust what check() has seen.
std::shared_ptr<Net> make_linear(const Config& config, const Shape& shape, at::Generator& random);
std::shared_ptr<Net> make_mlp(const Config& config, const Shape& shape, at::Generator& random);
std::shared_ptr<Net> make_cnn(const Config& config, const Shape& shape, at::Generator& random);
std::shared_ptr<Net> make_resnet18(const Config& config, const Shape& shape, at::Generator& random);
std::shared_ptr<Net> make_resnet34(const Config& config, const Shape& shape, at::Generator& random);
std::shared_ptr<Net> make_vgg(const Config& config, const Shape& shape, at::Generator& random);
std::shared_ptr<Net> make_relu_gate(const Config& config, const Shape& shape, at::Generator& random);
std::shared_ptr<Net> make_homogeneous(const Config& config, const Shape& shape, at::Generator& random);
std::shared_ptr<Net> make_ridge(const Config& config, const Shape& shape, at::Generator& random);

}  // namespace hooke::models
