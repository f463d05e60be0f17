#include "server/analysis/downsample.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

namespace hooke::analysis {
namespace {

// Appends the extremes and the first NaN of values[begin, end), in order of their place.
void keep_bucket(std::span<const double> values, std::size_t begin, std::size_t end,
                 std::vector<std::size_t>& kept) {
  std::optional<std::size_t> low, high, nan;
  for (std::size_t i = begin; i < end; ++i) {
    if (std::isnan(values[i])) {
      if (!nan) nan = i;
      continue;
    }
    if (!low || values[i] < values[*low]) low = i;
    if (!high || values[i] > values[*high]) high = i;
  }
  std::vector<std::size_t> own;
  for (const auto& index : {low, high, nan})
    if (index) own.push_back(*index);
  std::sort(own.begin(), own.end());
  own.erase(std::unique(own.begin(), own.end()), own.end());
  kept.insert(kept.end(), own.begin(), own.end());
}

std::vector<std::size_t> keep(std::span<const double> values, std::size_t buckets) {
  const std::size_t inner = values.size() - 2;
  std::vector<std::size_t> kept = {0};
  for (std::size_t b = 0; b < buckets; ++b)
    keep_bucket(values, 1 + inner * b / buckets, 1 + inner * (b + 1) / buckets, kept);
  kept.push_back(values.size() - 1);
  return kept;
}

}  // namespace

std::vector<std::size_t> downsample(std::span<const double> values, std::size_t at_most) {
  if (at_most == 0 || values.size() <= std::max<std::size_t>(at_most, 4)) {
    std::vector<std::size_t> all(values.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    return all;
  }
  const std::size_t inner = std::max<std::size_t>(at_most, 4) - 2;
  auto kept = keep(values, inner / 2);
  // Buckets that hold a NaN beside their two extremes keep three points.
  if (kept.size() > inner + 2) kept = keep(values, std::max<std::size_t>(inner / 3, 1));
  return kept;
}

}  // namespace hooke::analysis
