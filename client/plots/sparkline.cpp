#include "client/plots/sparkline.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace hooke::plots {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();
constexpr const char* kBlocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr const char* kLetters[] = {" ", "_", ".", "-", "=", "+", "*", "%", "#"};
constexpr int kEighths = 8;

// The mean of each column's values.
std::vector<double> binned(const std::vector<double>& x, const std::vector<double>& y, int columns) {
  const auto size = static_cast<std::size_t>(columns);
  std::vector<double> sum(size), count(size);
  std::vector<bool> measured(size);
  const double span = x.back() - x.front();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double share = span > 0 ? (x[i] - x.front()) / span : 1.0;
    const auto at = std::min(size - 1, static_cast<std::size_t>(share * columns));
    measured[at] = true;
    if (!std::isfinite(y[i])) continue;
    sum[at] += y[i];
    count[at] += 1;
  }
  std::vector<double> means(size, kNothing);
  for (std::size_t at = 0; at < size; ++at) {
    if (count[at] > 0)
      means[at] = sum[at] / count[at];
    else if (!measured[at] && at > 0)
      means[at] = means[at - 1];
  }
  return means;
}

}  // namespace

std::vector<std::string> sparkline(const std::vector<double>& x, const std::vector<double>& y, int columns,
                                   int rows, bool ascii) {
  std::vector<std::string> lines(static_cast<std::size_t>(rows));
  if (x.empty() || columns < 1) return lines;
  const auto means = binned(x, y, columns);
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double mean : means)
    if (std::isfinite(mean)) low = std::min(low, mean), high = std::max(high, mean);
  for (const double mean : means) {
    int height = 0;  // in eighths of a row; the least value is one, to be seen
    if (std::isfinite(mean)) {
      const double share = high > low ? (mean - low) / (high - low) : 0.5;
      height = 1 + static_cast<int>(std::lround(share * (rows * kEighths - 1)));
    }
    for (int row = 0; row < rows; ++row) {
      const int filled = std::clamp(height - (rows - 1 - row) * kEighths, 0, kEighths);
      lines[static_cast<std::size_t>(row)] += (ascii ? kLetters : kBlocks)[filled];
    }
  }
  return lines;
}

}  // namespace hooke::plots
