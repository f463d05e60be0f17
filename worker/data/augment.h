// Random crop and horizontal flip of images: padded by 4 black pixels on every side, cut to the old
// size at a random place, mirrored with probability 1/2. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "worker/data/data.h"

namespace hooke::data {

inline constexpr int kPadding = 4;

// Where an image is cut from its padded self: 0 to 2 kPadding from top and left; kPadding, kPadding
// and no flip leave it as it is.
struct Placement {
  int top = kPadding, left = kPadding;
  bool flip = false;
};

// The placement of the training example at `position`: it depends on the two arguments alone, not on
// what else is drawn, so batches may come in any order and from any step on.
Placement draw_placement(std::int64_t seed, std::int64_t position);

// One image, {channels, height, width} = shape; `black` has the value of a black pixel per channel.
// `out` is as large as `image` and does not overlap it.
void place(std::span<const float> image, const std::vector<std::int64_t>& shape, std::span<const float> black,
           const Placement& placement, std::span<float> out);

// The inputs [m][features] of the training examples at the given positions, each placed as drawn.
// REQUIRES: data.shape is {channels, height, width}.
std::vector<float> augment(const DataSet& data, std::span<const std::int64_t> positions, std::int64_t seed);

}  // namespace hooke::data
