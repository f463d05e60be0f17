// Random choices that depend on a seed alone: the same on every machine and for every LibTorch.
// Pure functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hooke::training {

// What a run draws; each has a stream of its own, so that one never shifts another.
enum class Stream : std::uint64_t { kWeights = 1, kData = 2, kOrder = 3, kProbes = 4, kAugment = 5 };

// The seed of the `index`-th draw (epoch, class) of a stream. Never negative.
std::int64_t stream_seed(std::int64_t seed, Stream stream, std::int64_t index = 0);

// A random order of 0 … count - 1.
std::vector<std::int64_t> permutation(std::size_t count, std::int64_t seed);

}  // namespace hooke::training
