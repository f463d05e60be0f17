// The part of a configuration that names a network. Plain values; no LibTorch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hooke::models {

// Field names and defaults are those of hooke.v1.ModelConfig.
struct Config {
  std::string type;  // see available()
  std::vector<int> hidden = {128};
  bool bias = true;
  std::vector<int> channels = {16, 32};
};

// What the data give and want.
struct Shape {
  std::vector<std::int64_t> input;  // of one example: {channels, height, width} or {features}
  std::int64_t outputs = 0;

  std::int64_t features() const {
    std::int64_t product = 1;
    for (const std::int64_t size : input) product *= size;
    return product;
  }
};

// Throws hooke::Error when there is no such model (kUnimplemented, naming those there are) or its
// sizes are not allowed or do not fit the input (kInvalidArgument, field).
void check(const Config& config, const Shape& shape);

}  // namespace hooke::models
