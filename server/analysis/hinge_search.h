// Least squares of continuous piecewise linear curves, a + b x + sum_j d_j (x - c_j)+, for given
// knots c_j in constant time, and the search for the knots that fit best.
//
// The columns of the curve couple all segments, so segment-wise dynamic programming would not be
// exact; instead every inner product of two hinge columns comes from suffix sums over the points,
// and all candidate knots (for two knots: all pairs) are tried. Noise is AR(1): the points are
// whitened with a given coefficient first, 0 for independent noise.
//
// Pure values; const members may be called from any thread.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace hooke::analysis {

// A series as the models see it.
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

  // A column of a design, whitened.
  std::vector<double> apply(std::span<const double> column) const;

  double phi;
  double log_determinant = 0;         // sum of log(1 - q_i^2) - log(r_i^2)
  std::vector<double> own, previous;  // u_i = own_i v_i - previous_i v_{i-1}
};

class HingeSearch {
 public:
  // `fewest` is the smallest number of points of a segment. The sample must outlive the search.
  HingeSearch(const Sample& sample, double phi, std::size_t fewest);

  double log_determinant() const { return log_determinant_; }

  // Residual sums of squares of the whitened points.
  double rss_constant() const;
  double rss_line() const;
  double rss(std::span<const double> knots) const;

  // The best `count` knots among `candidates` evenly spaced points: exactly for one and two, by
  // adding and exchanging for more. Empty when there are too few points for so many.
  std::vector<double> best_knots(std::size_t count, std::size_t candidates) const;

  // Moves the knots continuously to a nearby minimum of rss(), each at most `reach` in either
  // direction per cycle; the knot at index `fixed` (if any) stays.
  std::vector<double> refine(std::vector<double> knots, double reach,
                             std::size_t fixed = static_cast<std::size_t>(-1)) const;

  // The range in which one knot may lie, its neighbours given.
  struct Range {
    double low, high;
  };
  Range range(std::span<const double> knots, std::size_t index) const;

 private:
  // A hinge column, orthogonal to constant and line.
  struct Hinge {
    double knot;
    std::size_t first;    // first point beyond the knot
    double edge;          // the column there
    double on_one, on_x;  // components along the two
    double norm, on_y;    // what is left: squared length, product with y
  };
  struct Sums {
    double aa, ab, bb, ay, by;
  };

  Hinge hinge(double knot) const;
  double product(const Hinge& left, const Hinge& right) const;
  double explained(std::span<const Hinge> hinges) const;
  std::vector<std::size_t> candidate_points(std::size_t candidates) const;
  std::vector<std::size_t> best_pair(std::span<const Hinge> hinges, std::span<const std::size_t> at) const;
  std::vector<std::size_t> exchange(std::size_t count, std::span<const Hinge> hinges,
                                    std::span<const std::size_t> at) const;

  const Sample& sample_;
  std::size_t fewest_;
  double log_determinant_;
  std::vector<double> one_, x_, y_;  // whitened
  std::vector<double> own_;
  std::vector<Sums> after_;  // sums over the points from i on
  double length_one_, x_on_one_, length_x_, y_on_one_, y_on_x_, yy_;
};

}  // namespace hooke::analysis
