// Made series: a curve plus AR(1) noise.
#pragma once

#include <cmath>
#include <cstddef>
#include <functional>
#include <random>
#include <vector>

#include "proto/hooke/ids.h"

namespace hooke::bench {

struct Made {
  std::vector<Step> step;
  std::vector<double> value;
};

// `count` points at steps 0, `every`, ...; the curve is a function of the point's number. The noise is normal
// with standard deviation `sd` at every point.
inline Made made(std::size_t count, const std::function<double(double)>& curve, double sd, double phi,
                 std::mt19937_64& random, Step every = 1) {
  std::normal_distribution<double> normal;
  Made series;
  double error = normal(random);
  for (std::size_t i = 0; i < count; ++i) {
    series.step.push_back(static_cast<Step>(i) * every);
    series.value.push_back(curve(static_cast<double>(i)) + sd * error);
    error = phi * error + std::sqrt(1 - phi * phi) * normal(random);
  }
  return series;
}

}  // namespace hooke::bench
