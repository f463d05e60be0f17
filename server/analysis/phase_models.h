// The models that compete for a series: a shape of the curve times a kind of noise, each fitted by
// maximum likelihood and judged by BIC, with what follows from a fit: curve, slopes, intervals,
// and series simulated from it.
//
// A new family (jumps, relaxation to a plateau) is a new Shape::Kind with its fit in
// phase_models.cpp; everything after it reads only Fit. Pure functions, callable from any thread.
#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "server/analysis/hinge_search.h"

namespace hooke::analysis {

struct Shape {
  enum class Kind { kConstant, kLine, kHinges };
  Kind kind = Kind::kConstant;
  std::size_t knots = 0;

  // Parameters of the curve; the position of a knot is one.
  std::size_t parameters() const;
  std::string name() const;  // "piecewise linear, 1 knot"
};

// How hard to search. A test by simulation compares fits of one effort with each other.
struct Effort {
  std::size_t candidates = 256;  // knots to try, evenly over the points
  std::vector<double> phis;      // AR(1) coefficients to try; 0 first
  bool refine = true;            // then polish knots and coefficient continuously
};
Effort full_effort();
Effort quick_effort();

struct Fit {
  Shape shape;
  bool autoregressive = false;
  double phi = 0;             // AR(1) coefficient over the median gap
  std::vector<double> knots;  // in x
  double rss = 0;             // of the whitened points
  double bic = 0;

  std::string name() const;
};

// Every shape from constant to `max_knots` knots (as far as there are points for it), each with
// independent and with AR(1) noise.
std::vector<Fit> fit_models(const Sample& sample, std::size_t max_knots, std::size_t fewest,
                            const Effort& effort);

// The better of independent and AR(1) noise for the shape of hinges, its knots sought only between
// the given bounds around `knots`.
Fit fit_near(const Sample& sample, std::vector<double> knots, double reach, std::size_t fewest);

// What a fit says of the points.
struct Curve {
  std::vector<double> fitted;     // of each point
  std::vector<double> slopes;     // of each segment, per unit of x
  std::vector<double> slope_se;   // their standard errors, the knots' uncertainty included
  std::vector<double> residuals;  // whitened
  double rss = 0;                 // residual sum of squares, not whitened
  double degrees = 0;             // degrees of freedom left
};
Curve curve_of(const Sample& sample, const Fit& fit);

// Where rss() as a function of one knot, the others following, stays within the confidence bound.
HingeSearch::Range knot_interval(const Sample& sample, const Fit& fit, std::size_t knot, double level,
                                 std::size_t fewest);

// Another series that the fit might have produced: its curve plus AR(1) noise made of its own
// whitened residuals, drawn with replacement, with the coefficient corrected for its bias (Kendall
// 1954; to first order in 1/n).
class Simulation {
 public:
  Simulation(const Sample& sample, const Fit& fit);
  Sample draw(std::mt19937_64& random) const;

 private:
  Sample sample_;
  std::vector<double> curve_;
  std::vector<double> innovations_;
  double phi_;
};

}  // namespace hooke::analysis
