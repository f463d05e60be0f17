#include "worker/trainer/pair_table.h"

#include <cmath>
#include <limits>

namespace hooke::trainer {
namespace {

// The engine's tables are [updated][responding].
std::vector<float> turned(const std::vector<double>& table, std::size_t probes, std::size_t first,
                          std::size_t rows) {
  std::vector<float> result;
  result.reserve(rows * probes);
  for (std::size_t responding = first; responding < first + rows; ++responding) {
    for (std::size_t updated = 0; updated < probes; ++updated) {
      result.push_back(stored(table[updated * probes + responding]));
    }
  }
  return result;
}

}  // namespace

float stored(double value) {
  using Limits = std::numeric_limits<float>;
  const auto rounded = static_cast<float>(value);
  const float sign = std::signbit(value) ? -1.0f : 1.0f;
  if (rounded == 0 && value != 0) return sign * Limits::denorm_min();
  if (std::isinf(rounded) && std::isfinite(value)) return sign * Limits::max();
  return rounded;
}

PairRows pair_rows(const engine::Pairs& pairs, std::size_t probes, std::size_t first, std::size_t rows) {
  PairRows result{turned(pairs.above, probes, first, rows), {}};
  if (pairs.below.size() == probes) {
    for (const double value : pairs.below) result.denominators.push_back(stored(value));
  } else {
    result.denominators = turned(pairs.below, probes, first, rows);
  }
  return result;
}

}  // namespace hooke::trainer
