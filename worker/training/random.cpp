#include "worker/training/random.h"

#include <limits>
#include <numeric>
#include <random>
#include <utility>

namespace hooke::training {
namespace {

// SplitMix64 (Steele, Lea & Flood 2014): every input bit reaches every output bit.
std::uint64_t mixed(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15u;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

// Uniform in [0, bound), without bias; the standard's distributions differ between libraries.
std::uint64_t below(std::uint64_t bound, std::mt19937_64& random) {
  const std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t limit = largest - largest % bound;
  std::uint64_t value = random();
  while (value >= limit) value = random();
  return value % bound;
}

}  // namespace

std::int64_t stream_seed(std::int64_t seed, Stream stream, std::int64_t index) {
  const std::uint64_t value =
      mixed(mixed(mixed(static_cast<std::uint64_t>(seed)) + static_cast<std::uint64_t>(stream)) +
            static_cast<std::uint64_t>(index));
  return static_cast<std::int64_t>(value >> 1);
}

std::vector<std::int64_t> permutation(std::size_t count, std::int64_t seed) {
  std::vector<std::int64_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::mt19937_64 random(static_cast<std::uint64_t>(seed));
  for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[below(i, random)]);
  return order;
}

}  // namespace hooke::training
