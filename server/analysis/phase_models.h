// The models that compete for a series: a shape of the curve times a kind of noise, each fitted by
// maximum likelihood and judged by BIC.
//
// A new family is a Shape::Kind with its number of parameters and name, its fit in phase_models.cpp and
// its columns and slopes in curve.cpp. Pure functions, callable from any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "server/analysis/break_search.h"

namespace hooke::analysis {

// The coefficient of AR(1) noise stays this far from a random walk.
constexpr double kLargestPhi = 0.99;

struct Shape {
  enum class Kind { kConstant, kLine, kRelaxation, kHinges, kJumps };
  Kind kind = Kind::kConstant;
  std::size_t breaks = 0;  // knots or jumps

  // Parameters of the curve; a time constant and the place of a break are one each.
  std::size_t parameters() const;
  std::string name() const;  // "piecewise linear, 1 knot"
  // Whether it is one of the two that have no transition.
  bool plain() const { return kind == Kind::kConstant || kind == Kind::kLine; }
  bool operator==(const Shape&) const = default;
};

// The families that compete with constant and trend.
struct ModelSet {
  bool relaxation = true;
  bool piecewise_linear = true;
  bool piecewise_constant = true;
};

// How hard to search. A test by simulation compares fits of one effort with each other.
struct Effort {
  std::size_t candidates = 256;  // breaks to try, evenly over the points
  std::vector<double> phis;      // AR(1) coefficients to try; 0 first
  std::size_t times = 0;         // time constants of relaxations to try
  bool refine = true;            // then polish breaks, time constant and coefficient over all points
};
Effort full_effort();
Effort quick_effort();

struct Fit {
  Shape shape;
  bool autoregressive = false;
  double phi = 0;              // AR(1) coefficient over the median gap
  std::vector<double> breaks;  // in x: knots, or the first points of new segments
  double time = 0;             // of a relaxation, in x
  double rss = 0;              // of the whitened points
  double bic = 0;

  std::string name() const;
};

// Of a series without noise, residuals are rounding.
bool without_noise(double rss, std::size_t points);

// One contest for many series over the same points: the designs are computed once.
class Contest {
 public:
  // The sample must outlive the contest.
  Contest(const Sample& sample, const ModelSet& models, std::size_t most_breaks, std::size_t fewest,
          Effort effort);

  // Every shape (as far as there are points for it), each with independent and with AR(1) noise.
  std::vector<Fit> fits(std::span<const double> y) const;

  // BIC of the best fit with no more than `null` has, minus that of the best with more: of any family where
  // `null` is plain, else of its own.
  double gain_over(const Shape& null, std::span<const double> y) const;

 private:
  Fit fit_shape(std::span<const double> y, const std::vector<BreakSearch>& searches, const Shape& shape,
                bool autoregressive, const std::vector<double>& exact) const;

  const Sample& sample_;
  ModelSet models_;
  std::size_t most_breaks_, fewest_;
  Effort effort_;
  std::vector<Design> designs_;  // of the effort's coefficients
};

// The better of independent and AR(1) noise for a family of breaks (none: a line or a constant), each break
// sought only within `reach` of those given.
Fit fit_near(const Sample& sample, Family family, std::vector<double> breaks, double reach,
             std::size_t fewest);

// The AR(1) coefficient that is likeliest for a curve whose breaks and time constant are known.
double likeliest_phi(const Sample& sample, const Fit& fit);

}  // namespace hooke::analysis
