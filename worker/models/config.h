// The part of a configuration that names a network. Plain values; no LibTorch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hooke::models {

enum class Stem {
  kImagenet,  // 7x7 convolution with stride 2, then 3x3 max-pooling with stride 2
  kCifar,     // 3x3 convolution
};
enum class Norm { kNone, kBatch };
enum class Activation { kRelu, kIdentity };

// Field names and defaults are those of hooke.v1.ModelConfig.
struct Config {
  std::string type;  // see README.md
  std::vector<int> hidden = {128};
  bool bias = true;
  std::vector<int> channels = {16, 32};
  Stem stem = Stem::kImagenet;
  Norm norm = Norm::kNone;
  std::string path;
  std::optional<int> features;  // none: ridge has 10, homogeneous takes the inputs themselves
  int degree = 2;
  Activation activation = Activation::kRelu;  // mlp
};

// What the data give and want.
struct Shape {
  std::vector<std::int64_t> input;  // of one example: {channels, height, width} or {features}
  std::int64_t outputs = 0;         // 1 for a scalar regression

  std::int64_t features() const {
    std::int64_t product = 1;
    for (const std::int64_t size : input) product *= size;
    return product;
  }
};

// Throws hooke::Error when there is no such model (kUnimplemented, naming those there are) or its
// sizes are not allowed or do not fit the data (kInvalidArgument, field).
void check(const Config& config, const Shape& shape);

}  // namespace hooke::models
