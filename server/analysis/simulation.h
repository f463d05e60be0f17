// Series simulated from a fit: the p-value of a transition, and the intervals of its place.
// Pure functions, callable from any thread.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "server/analysis/phase_models.h"

namespace hooke::analysis {

// Other series that a fit might have produced: its curve plus AR(1) noise with the coefficient corrected for
// its bias to first order in 1/n (Kendall 1954; for p parameters of the curve it is -(p + (p + 2) phi)/n).
// The innovations are whitened residuals, drawn with replacement, of the variance that the fit's own have.
class Simulation {
 public:
  // `noise`: the fit whose residuals are drawn. Those of a fit that lacks a jump hold the jump as an outlier,
  // so that whatever is made of them jumps as well.
  Simulation(const Sample& sample, const Fit& fit, const Fit& noise);
  std::vector<double> draw(std::mt19937_64& random) const;
  // Lets the series to come have another coefficient, as likely as the estimate's error makes it.
  void draw_phi(std::mt19937_64& random);

 private:
  void set_phi(double phi);

  double phi_;
  std::vector<double> gap_;
  std::vector<double> curve_;
  std::vector<double> innovations_;
  std::vector<double> kept_, fresh_;  // of each point: shares of the last error and of the innovation
  std::vector<double> root_weight_;
};

// How often a series simulated from `null`, with noise as `with` has it, gains as much over it
// (Contest::gain_over) as the sample does:
// (1 + how many do) / (1 + resamples), the p-value of the hypothesis that there is no more than `null`. As
// soon as it cannot be below `level` any more (and 20 do), the simulation ends with the p-value of those
// drawn so far (Besag & Clifford, Biometrika 78, 1991).
double p_value(const Sample& sample, const Contest& contest, const Fit& null, const Fit& with, int resamples,
               double level, std::uint64_t seed);

struct Interval {
  double low, high;
};

// For each break of a fit, or for the time constant of a relaxation, an interval of confidence 1 - level, in
// x: percentiles over the same shape fitted to simulated series.
std::vector<Interval> break_intervals(const Sample& sample, const Fit& fit, std::size_t fewest, double level,
                                      int resamples, std::uint64_t seed);

}  // namespace hooke::analysis
