// Which points of a series to draw: real stored points only, nothing averaged.
//
// Pure functions, callable from any thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace hooke::analysis {

// Indices, increasing, of at most about `at_most` of the values (never fewer than the four below
// where there are so many): the first, the last, the smallest and the largest of all are always
// among them. Infinities are the extremes that they are. A NaN is kept where a bucket of
// neighbours has one, so that a gap in a curve is seen.
// at_most = 0, or at least as many as there are values: all of them.
std::vector<std::size_t> downsample(std::span<const double> values, std::size_t at_most);

// The elements of `from` at `indices`.
template <class T>
std::vector<T> pick(std::span<const T> from, std::span<const std::size_t> indices) {
  std::vector<T> picked;
  picked.reserve(indices.size());
  for (const std::size_t index : indices) picked.push_back(from[index]);
  return picked;
}

}  // namespace hooke::analysis
