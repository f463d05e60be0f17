// Least squares of curves with breaks, and the search for the breaks that fit best:
//   hinges  a + b x + sum_j d_j (x - c_j)+, continuous piecewise linear with knots c_j
//   jumps   a + sum_j d_j [x >= c_j], piecewise constant
// and of relaxations to a plateau, a + b exp(-x / t).
//
// The columns of a curve couple all segments (hinges by continuity, jumps by autocorrelated noise), so
// segment-wise dynamic programming would not be exact; instead every inner product of two columns comes
// from suffix sums over the points, in constant time, and all candidates (for two breaks: all pairs) are
// tried. Noise is AR(1): the points are whitened with a given coefficient first, 0 for independent noise.
//
// Pure values; const members may be called from any thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "server/analysis/sample.h"

namespace hooke::analysis {

enum class Family { kHinges, kJumps };

// What does not depend on the values, so that many series over the same points share it.
class Design {
 public:
  // `fewest` is the smallest number of points of a segment; `times` the time constants of relaxations that
  // best_relaxation() tries. The sample must outlive the design.
  Design(const Sample& sample, double phi, std::size_t fewest, std::span<const double> times);

  double phi() const { return whitening_.phi; }
  double log_determinant() const { return whitening_.log_determinant; }

 private:
  friend class BreakSearch;
  // exp(-x / time), whitened, orthogonal to the constant, of length 1; empty when nothing is left of it.
  std::vector<double> relaxation(double time) const;

  struct Sums {
    double aa, ab, bb;
  };

  const Sample& sample_;
  std::size_t fewest_;
  Whitening whitening_;
  std::vector<double> one_, x_;  // whitened
  std::vector<Sums> after_;      // sums over the points from i on
  double length_one_, x_on_one_, length_x_;
  std::vector<double> times_;
  std::vector<std::vector<double>> relaxations_;  // of each time
};

class BreakSearch {
 public:
  // The design must outlive the search. REQUIRES: as many values as the design has points.
  BreakSearch(const Design& design, std::span<const double> y);

  double log_determinant() const { return design_.log_determinant(); }

  // Residual sums of squares of the whitened points.
  double rss_constant() const;
  double rss_line() const;
  double rss_relaxation(double time) const;
  double rss(Family family, std::span<const double> breaks) const;

  // The best `count` breaks among `candidates` evenly spaced points: exactly for one and two, by
  // adding and exchanging for more. Empty when there are too few points for so many.
  std::vector<double> best_breaks(Family family, std::size_t count, std::size_t candidates) const;

  // The best of the design's time constants. REQUIRES: it has one.
  double best_relaxation() const;

  // Moves the breaks to a nearby minimum of rss(), knots continuously, jumps from point to point, each
  // at most `reach` in either direction per cycle.
  std::vector<double> refine(Family family, std::vector<double> breaks, double reach) const;

 private:
  // A column of one break, orthogonal to constant and, for hinges, line. At points beyond `first` it is
  // on_x * x + on_one * one.
  struct Column {
    double at;
    std::size_t first;     // first point at which it is not 0
    double edge;           // the column there
    double slope, offset;  // beyond: slope * x + offset, whitened
    double along_one, along_x;
    double norm, on_y;  // what is left: squared length, product with y
  };
  struct Sums {
    double ay, by;
  };
  struct Range {
    std::size_t low, high;  // last point of the segment before the break
  };

  Column column(Family family, double at) const;
  double place(Family family, std::size_t last_before) const;
  double product(const Column& left, const Column& right) const;
  double explained(std::span<const Column> columns) const;
  Range range(Family family, std::span<const double> breaks, std::size_t index) const;
  double best_knot(std::span<const double> knots, std::size_t index, double reach) const;
  double best_jump(std::span<const double> jumps, std::size_t index, double reach) const;
  std::vector<std::size_t> candidate_points(std::size_t candidates) const;
  std::vector<std::size_t> best_pair(std::span<const Column> columns, std::span<const std::size_t> at) const;
  std::vector<std::size_t> exchange(std::size_t count, std::span<const Column> columns,
                                    std::span<const std::size_t> at) const;

  const Design& design_;
  std::vector<double> y_;    // whitened
  std::vector<Sums> after_;  // sums over the points from i on
  double y_on_one_, y_on_x_, yy_;
};

}  // namespace hooke::analysis
