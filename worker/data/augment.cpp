#include "worker/data/augment.h"

#include <algorithm>

namespace hooke::data {
namespace {

// splitmix64: its outputs for consecutive states are independent bits.
std::uint64_t mix(std::uint64_t state) {
  state = (state ^ state >> 30) * 0xbf58476d1ce4e5b9;
  state = (state ^ state >> 27) * 0x94d049bb133111eb;
  return state ^ state >> 31;
}

constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;

}  // namespace

Placement draw_placement(std::int64_t seed, std::int64_t position) {
  constexpr std::uint64_t kPlaces = 2 * kPadding + 1;
  const std::uint64_t stream = mix(static_cast<std::uint64_t>(seed) + kGolden);
  const std::uint64_t bits = mix(stream + kGolden * (static_cast<std::uint64_t>(position) + 1));
  // Disjoint parts of 64 bits; taking the remainder favours no place by more than 1e-8.
  return {static_cast<int>((bits >> 32) % kPlaces), static_cast<int>((bits >> 1 & 0x7fffffff) % kPlaces),
          (bits & 1) != 0};
}

void place(std::span<const float> image, const std::vector<std::int64_t>& shape, std::span<const float> black,
           const Placement& placement, std::span<float> out) {
  const std::int64_t height = shape[1], width = shape[2];
  const std::int64_t down = placement.top - kPadding, right = placement.left - kPadding;
  for (std::int64_t channel = 0; channel < shape[0]; ++channel) {
    for (std::int64_t row = 0; row < height; ++row) {
      float* const to = out.data() + (channel * height + row) * width;
      const bool inside = row + down >= 0 && row + down < height;
      const float* const from = image.data() + (channel * height + (inside ? row + down : 0)) * width;
      for (std::int64_t column = 0; column < width; ++column) {
        const std::int64_t source = column + right;
        to[column] =
            inside && source >= 0 && source < width ? from[source] : black[static_cast<std::size_t>(channel)];
      }
      if (placement.flip) std::reverse(to, to + width);
    }
  }
}

std::vector<float> augment(const DataSet& data, std::span<const std::int64_t> positions, std::int64_t seed) {
  std::vector<float> black;
  for (std::size_t c = 0; c < data.mean.size(); ++c) {
    black.push_back(static_cast<float>(-data.mean[c] / data.deviation[c]));
  }
  const auto features = static_cast<std::size_t>(data.features());
  std::vector<float> placed(positions.size() * features);
  for (std::size_t i = 0; i < positions.size(); ++i) {
    const auto begin = static_cast<std::size_t>(positions[i]) * features;
    place({data.train.inputs.data() + begin, features}, data.shape, black, draw_placement(seed, positions[i]),
          {placed.data() + i * features, features});
  }
  return placed;
}

}  // namespace hooke::data
