// What a fit says of the points: curve, slopes, residuals. Pure functions, callable from any thread.
#pragma once

#include <vector>

#include "server/analysis/phase_models.h"

namespace hooke::analysis {

struct Curve {
  std::vector<double> fitted;     // of each point
  std::vector<double> ends;       // in x: where segments end, but for the last
  std::vector<double> slopes;     // of each segment (of a relaxation, the mean one), per unit of x
  std::vector<double> slope_se;   // their standard errors, the uncertainty of knots included
  double steepest = 0;            // magnitude
  std::vector<double> residuals;  // whitened
  double rss = 0;                 // residual sum of squares, not whitened
  double degrees = 0;             // degrees of freedom left
};

// `elastic_slope`: the share of its first slope at which a relaxation has levelled off.
Curve curve_of(const Sample& sample, const Fit& fit, double elastic_slope);

// Where a relaxation has levelled off, in x; beyond 1 when it has not.
double levelled_off(const Fit& fit, double elastic_slope);

}  // namespace hooke::analysis
