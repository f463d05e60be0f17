// A series as the models of phases see it, and AR(1) noise taken out of it.
//
// Pure values; const members may be called from any thread.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace hooke::analysis {

struct Sample {
  std::vector<double> x;            // strictly increasing, from 0 to 1
  std::vector<double> y;            // of order 1
  std::vector<double> root_weight;  // square roots of the points' weights, mean weight 1
  std::vector<double> gap;          // to the point before, in units of the median gap; gap[0] = 0

  std::size_t size() const { return x.size(); }
};

// Correlation of AR(1) noise over a gap: phi^gap.
inline double lagged(double phi, double gap) {
  return phi == 0 ? 0.0 : gap == 1 ? phi : std::pow(phi, gap);
}

// The points of a sample, whitened: u_0 = r_0 v_0, u_i = (r_i v_i - q_i r_{i-1} v_{i-1}) / sqrt(1 - q_i^2)
// with q_i = phi^gap_i and r the root weights.
struct Whitening {
  Whitening(const Sample& sample, double phi);

  // A column of a design, or the values, whitened.
  std::vector<double> apply(std::span<const double> column) const;

  double phi;
  double log_determinant = 0;         // sum of log(1 - q_i^2) - log(r_i^2)
  std::vector<double> own, previous;  // u_i = own_i v_i - previous_i v_{i-1}
};

}  // namespace hooke::analysis
