// ResNet-18 and ResNet-34 (He et al., arXiv 1512.03385), built as torchvision builds them: the
// convolutions have no bias, whatever the normalisation; `bias` is that of the dense layer.
#include <ATen/ATen.h>

#include <array>
#include <string>
#include <vector>

#include "worker/models/builtin.h"

namespace hooke::models {
namespace {

// relu(x + norm(conv(relu(norm(conv(x)))))); x goes through a 1x1 convolution where sizes change.
class Block : public torch::nn::Module {
 public:
  Block(const Conv::Sizes& sizes, Norm norm, at::Generator& random)
      : first_(add("conv1", {sizes.inputs, sizes.outputs, 3, sizes.stride}, norm, random)),
        second_(add("conv2", {sizes.outputs, sizes.outputs, 3, 1}, norm, random)) {
    if (sizes.stride == 1 && sizes.inputs == sizes.outputs) return;
    shortcut_ = add("shortcut", {sizes.inputs, sizes.outputs, 1, sizes.stride}, norm, random);
  }

  at::Tensor forward(const at::Tensor& inputs) const {
    const at::Tensor x = second_->forward(first_->forward(inputs).relu_());
    return (x + (shortcut_ ? shortcut_->forward(inputs) : inputs)).relu_();
  }

  int describe(Description& description, int input) const {
    const int other = shortcut_ ? description.conv(input, shortcut_->conv(), /*relu=*/false) : input;
    return description.conv(description.conv(input, first_->conv(), /*relu=*/true), second_->conv(),
                            /*relu=*/true, other);
  }

 private:
  std::shared_ptr<NormedConv> add(const char* name, const Conv::Sizes& sizes, Norm norm,
                                  at::Generator& random) {
    return register_module(name, std::make_shared<NormedConv>(sizes, norm, /*bias=*/false, random));
  }

  std::shared_ptr<NormedConv> first_, second_, shortcut_;  // shortcut_ is null for the identity
};

// Blocks of each of the four stages, which have 64, 128, 256 and 512 channels.
using Depths = std::array<int, 4>;

template <Depths depths>
class ResNet : public Builtin<ResNet<depths>> {
 public:
  ResNet(const Config& config, const Shape& shape, at::Generator& random)
      : Builtin<ResNet<depths>>(config, shape), imagenet_(config.stem == Stem::kImagenet) {
    std::int64_t channels = 64;
    const Conv::Sizes stem{shape.input[0], channels, imagenet_ ? 7 : 3, imagenet_ ? 2 : 1};
    stem_ = this->register_module("stem",
                                  std::make_shared<NormedConv>(stem, config.norm, /*bias=*/false, random));
    for (std::size_t stage = 0; stage < depths.size(); ++stage) {
      const std::int64_t next = std::int64_t{64} << stage;
      for (int i = 0; i < depths[stage]; ++i) {
        const Conv::Sizes sizes{channels, next, 3, i == 0 && stage > 0 ? 2 : 1};
        blocks_.push_back(this->register_module("stage" + std::to_string(stage + 1) + "_" + std::to_string(i),
                                                std::make_shared<Block>(sizes, config.norm, random)));
        channels = next;
      }
    }
    dense_ = this->register_module("dense", std::make_shared<Dense>(channels, shape.outputs, config.bias,
                                                                    Dense::Init::kUniform, random));
  }

  at::Tensor forward(const at::Tensor& inputs) override {
    at::Tensor x = stem_->forward(inputs).relu_();
    if (imagenet_) x = max_pool3x3(x);
    for (const auto& block : blocks_) x = block->forward(x);
    return dense_->forward(x.mean({2, 3}));
  }

  std::optional<engine::Layers> layers() const override {
    if (stem_->is_normed()) return std::nullopt;
    Description description = this->description();
    int x = description.conv(0, stem_->conv(), /*relu=*/true);
    if (imagenet_) x = description.max_pool(x, 3, 2, 1);
    for (const auto& block : blocks_) x = block->describe(description, x);
    description.dense(description.mean(x), *dense_);
    return description.layers();
  }

 private:
  bool imagenet_;
  std::shared_ptr<NormedConv> stem_;
  std::vector<std::shared_ptr<Block>> blocks_;
  std::shared_ptr<Dense> dense_;
};

}  // namespace

std::shared_ptr<Net> make_resnet18(const Config& config, const Shape& shape, at::Generator& random) {
  return std::make_shared<ResNet<Depths{2, 2, 2, 2}>>(config, shape, random);
}

std::shared_ptr<Net> make_resnet34(const Config& config, const Shape& shape, at::Generator& random) {
  return std::make_shared<ResNet<Depths{3, 4, 6, 3}>>(config, shape, random);
}

}  // namespace hooke::models
