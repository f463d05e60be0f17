#include "server/analysis/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace hooke::analysis {

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double standard_deviation(std::span<const double> values) {
  if (values.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  const double centre = mean(values);
  double sum = 0;
  for (const double value : values) sum += (value - centre) * (value - centre);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

double quantile(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  return sorted_quantile(values, p);
}

double sorted_quantile(std::span<const double> sorted, double p) {
  const double place = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

double normal_quantile(double p) {
  // Abramowitz and Stegun 26.2.23 as a start (error 5e-4), then Newton steps.
  const double tail = std::min(p, 1 - p);
  const double t = std::sqrt(-2 * std::log(tail));
  double z = -(t - (2.515517 + 0.802853 * t + 0.010328 * t * t) /
                       (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t * t * t));
  for (int i = 0; i < 4; ++i) {
    const double error = 0.5 * std::erfc(-z / std::sqrt(2.0)) - tail;
    z -= error * std::sqrt(2 * M_PI) * std::exp(z * z / 2);
  }
  return p < 0.5 ? z : -z;
}

// With t = sqrt(d) tan(a) the distribution is the integral of cos^(d - 1), which Simpson's rule has to 12
// digits; its slope falls from 0 on, so that Newton's steps from there never pass the root.
double t_quantile(double p, double degrees) {
  if (p < 0.5) return -t_quantile(1 - p, degrees);
  constexpr int kPanels = 200, kMostSteps = 200;
  const auto slope = [&](double angle) { return std::pow(std::cos(angle), degrees - 1); };
  const auto integral = [&](double angle) {
    const double width = angle / kPanels;
    double sum = slope(0) + slope(angle);
    for (int i = 1; i < kPanels; ++i) sum += (i % 2 == 0 ? 2 : 4) * slope(i * width);
    return sum * width / 3;
  };
  const double whole =
      std::sqrt(M_PI) / 2 * std::exp(std::lgamma(degrees / 2) - std::lgamma((degrees + 1) / 2));
  const double wanted = (2 * p - 1) * whole;
  double angle = 0;
  for (int i = 0; i < kMostSteps; ++i) {
    const double step = (wanted - integral(angle)) / slope(angle);
    angle += step;
    if (step < 1e-14 * angle) break;
  }
  return std::sqrt(degrees) * std::tan(angle);
}

}  // namespace hooke::analysis
