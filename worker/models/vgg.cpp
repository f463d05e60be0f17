// For each entry of `channels` two 3x3 convolutions with the configured normalisation and ReLU,
// then 2x2 max-pooling; at last one dense layer (after Simonyan & Zisserman, arXiv 1409.1556).
#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "worker/models/builtin.h"

namespace hooke::models {
namespace {

class Vgg : public Builtin<Vgg> {
 public:
  Vgg(const Config& config, const Shape& shape, at::Generator& random) : Builtin(config, shape) {
    std::int64_t channels = shape.input[0], height = shape.input[1], width = shape.input[2];
    for (const int next : config.channels) {
      add({channels, next}, config, random);
      add({next, next}, config, random);
      channels = next;
      height /= 2;
      width /= 2;
    }
    dense_ = register_module("dense", std::make_shared<Dense>(channels * height * width, shape.outputs,
                                                              config.bias, Dense::Init::kUniform, random));
  }

  at::Tensor forward(const at::Tensor& inputs) override {
    at::Tensor x = inputs;
    for (std::size_t i = 0; i < convolutions_.size(); i += 2) {
      x = convolutions_[i]->forward(x).relu_();
      // ReLU and max-pooling commute; after the pooling it has a quarter of the work.
      x = max_pool2x2(convolutions_[i + 1]->forward(x)).relu_();
    }
    return dense_->forward(x.flatten(1));
  }

  std::optional<engine::Layers> layers() const override {
    if (convolutions_[0]->is_normed()) return std::nullopt;
    Description description = this->description();
    int x = 0;
    for (std::size_t i = 0; i < convolutions_.size(); i += 2) {
      x = description.conv(x, convolutions_[i]->conv(), /*relu=*/true);
      x = description.max_pool(description.conv(x, convolutions_[i + 1]->conv(), /*relu=*/false), 2, 2, 0,
                               /*relu=*/true);
    }
    description.dense(x, *dense_);
    return description.layers();
  }

 private:
  void add(const Conv::Sizes& sizes, const Config& config, at::Generator& random) {
    convolutions_.push_back(
        register_module("conv" + std::to_string(convolutions_.size()),
                        std::make_shared<NormedConv>(sizes, config.norm, config.bias, random)));
  }

  std::vector<std::shared_ptr<NormedConv>> convolutions_;
  std::shared_ptr<Dense> dense_;
};

}  // namespace

std::shared_ptr<Net> make_vgg(const Config& config, const Shape& shape, at::Generator& random) {
  return std::make_shared<Vgg>(config, shape, random);
}

}  // namespace hooke::models
