#include "server/analysis/jumps.h"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace hooke::analysis {
namespace {

// What a mean explains of a stretch of points, from sums over all points before an index.
struct Sums {
  std::vector<double> weight, value;

  double explained(std::size_t from, std::size_t to) const {
    const double sum = value[to] - value[from];
    return sum * sum / (weight[to] - weight[from]);
  }
};

Sums sums_of(const Sample& sample, std::span<const double> y) {
  Sums sums{{0}, {0}};
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double weight = sample.root_weight[i] * sample.root_weight[i];
    sums.weight.push_back(sums.weight.back() + weight);
    sums.value.push_back(sums.value.back() + weight * y[i]);
  }
  return sums;
}

// Of the first i points in segments: the most that is explained, and where the last segment begins.
struct Level {
  std::vector<double> explained;
  std::vector<std::uint32_t> last;
};

}  // namespace

std::vector<std::vector<double>> best_jumps(const Sample& sample, std::span<const double> y, std::size_t most,
                                            std::size_t fewest) {
  constexpr double kNever = -std::numeric_limits<double>::infinity();
  const std::size_t n = y.size();
  const Sums sums = sums_of(sample, y);
  std::vector<Level> levels(1);
  levels[0].explained.assign(n + 1, kNever);
  for (std::size_t i = fewest; i <= n; ++i) levels[0].explained[i] = sums.explained(0, i);
  std::vector<std::vector<double>> found;
  for (std::size_t jumps = 1; jumps <= most && n >= (jumps + 1) * fewest; ++jumps) {
    const auto& before = levels.back().explained;
    Level level{std::vector<double>(n + 1, kNever), std::vector<std::uint32_t>(n + 1, 0)};
    // The last level is wanted for all points alone.
    for (std::size_t i = jumps == most ? n : (jumps + 1) * fewest; i <= n; ++i) {
      for (std::size_t at = jumps * fewest; at + fewest <= i; ++at) {
        const double explained = before[at] + sums.explained(at, i);
        if (!(explained > level.explained[i])) continue;
        level.explained[i] = explained;
        level.last[i] = static_cast<std::uint32_t>(at);
      }
    }
    levels.push_back(std::move(level));
    std::vector<double> places;
    std::size_t end = n;
    for (std::size_t l = jumps; l > 0; --l) {
      end = levels[l].last[end];
      places.push_back(sample.x[end]);
    }
    std::reverse(places.begin(), places.end());
    found.push_back(std::move(places));
  }
  return found;
}

}  // namespace hooke::analysis
