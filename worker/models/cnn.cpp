// For each entry of `channels` a 3x3 convolution, ReLU and 2x2 max-pooling; then one dense layer.
#include <string>
#include <vector>

#include "worker/models/builtin.h"

namespace hooke::models {
namespace {

class Cnn : public Builtin<Cnn> {
 public:
  Cnn(const Config& config, const Shape& shape, at::Generator& random) : Builtin(config, shape) {
    std::int64_t channels = shape.input[0], height = shape.input[1], width = shape.input[2];
    for (const int next : config.channels) {
      convolutions_.push_back(
          register_module("conv" + std::to_string(convolutions_.size()),
                          std::make_shared<Conv>(Conv::Sizes{channels, next}, config.bias, random)));
      channels = next;
      height /= 2;
      width /= 2;
    }
    dense_ = register_module("dense", std::make_shared<Dense>(channels * height * width, shape.outputs,
                                                              config.bias, Dense::Init::kUniform, random));
  }

  at::Tensor forward(const at::Tensor& inputs) override {
    at::Tensor x = inputs;
    // ReLU and max-pooling commute; after the pooling it has a quarter of the work.
    for (const auto& convolution : convolutions_) x = max_pool2x2(convolution->forward(x)).relu();
    return dense_->forward(x.flatten(1));
  }

  std::optional<engine::Layers> layers() const override {
    Description description = this->description();
    int x = 0;
    for (const auto& convolution : convolutions_) {
      x = description.max_pool(description.conv(x, *convolution, /*relu=*/false), 2, 2, 0, /*relu=*/true);
    }
    description.dense(x, *dense_);
    return description.layers();
  }

 private:
  std::vector<std::shared_ptr<Conv>> convolutions_;
  std::shared_ptr<Dense> dense_;
};

}  // namespace

std::shared_ptr<Net> make_cnn(const Config& config, const Shape& shape, at::Generator& random) {
  return std::make_shared<Cnn>(config, shape, random);
}

}  // namespace hooke::models
