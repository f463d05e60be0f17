#include "worker/training/geodesic_correlation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace hooke::training {
namespace {

// Takes the mean away and scales to a largest magnitude of 1; false for constant values.
bool standardise(std::vector<double>& values) {
  if (values.empty()) return false;
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const double scale = std::max(std::fabs(*least), std::fabs(*most));
  if (*least == *most) return false;
  double mean = 0;
  for (double& value : values) mean += (value /= scale) / static_cast<double>(values.size());
  for (double& value : values) value -= mean;
  return true;
}

double inner(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
  return sum;
}

}  // namespace

Correlation correlate(std::span<const double> ratios, std::span<const double> distances, std::size_t m) {
  Correlation result{std::numeric_limits<double>::quiet_NaN(), 0};
  std::vector<double> s, d;
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < m; ++j) {
      const double ratio = ratios[i * m + j], distance = distances[i * m + j];
      if (i == j || std::isnan(distance)) continue;
      if (!std::isfinite(ratio)) {
        ++result.left_out;
        continue;
      }
      s.push_back(ratio);
      d.push_back(distance);
    }
  }
  if (standardise(s) && standardise(d)) result.pearson = inner(s, d) / std::sqrt(inner(s, s) * inner(d, d));
  return result;
}

}  // namespace hooke::training
