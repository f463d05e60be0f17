// Small statistics that several analyses share. Pure functions, callable from any thread.
#pragma once

#include <limits>
#include <span>
#include <vector>

namespace hooke::analysis {

// A figure that is not defined.
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Arithmetic mean; NaN of nothing.
double mean(std::span<const double> values);

// Standard deviation with n - 1; NaN below two values.
double standard_deviation(std::span<const double> values);

// The p-quantile, interpolated linearly between order statistics (R's type 7).
// REQUIRES: at least one value, none NaN, 0 <= p <= 1.
double quantile(std::vector<double> values, double p);

// The same of values that are sorted already.
double sorted_quantile(std::span<const double> sorted, double p);

// The p-quantile of the standard normal distribution (a rational start, then Newton on erfc).
// REQUIRES: 0 < p < 1.
double normal_quantile(double p);

// The p-quantile of Student's t with any number of degrees of freedom, from 1.
// REQUIRES: 0 < p < 1.
double t_quantile(double p, double degrees);

// Minimises f on [low, high] by golden section; `start` is among the points tried.
template <class F>
double minimise(double low, double high, double start, int steps, F f) {
  constexpr double kGolden = 0.6180339887498949;
  const double start_value = f(start);
  double a = high - kGolden * (high - low), b = low + kGolden * (high - low);
  double fa = f(a), fb = f(b);
  for (int i = 0; i < steps; ++i) {
    if (fa <= fb) {
      high = b;
      b = a;
      fb = fa;
      a = high - kGolden * (high - low);
      fa = f(a);
    } else {
      low = a;
      a = b;
      fa = fb;
      b = low + kGolden * (high - low);
      fb = f(b);
    }
  }
  if (start_value < fa && start_value < fb) return start;
  return fa <= fb ? a : b;
}

}  // namespace hooke::analysis
