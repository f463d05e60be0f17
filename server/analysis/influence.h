// From stored influence matrices to what is shown: cells, averages over steps and runs, and the
// summaries dominance, selectivity and asymmetry. Rows respond, columns are updated.
//
// Pure functions, callable from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "server/analysis/series_key.h"

namespace hooke::analysis {

struct Cell {
  double mean = 0;
  double sd = 0;             // n - 1; NaN where n is 1
  std::int64_t count = 0;    // pairs in the mean
  std::int64_t skipped = 0;  // pairs whose denominator was 0 or not finite
  double ratio_of_means = 0;
  std::int64_t nonfinite = 0;  // pairs in the mean whose ratio is not finite

  bool operator==(const Cell&) const = default;
};

// A square matrix of cells, row-major [responding][updated].
struct Cells {
  std::size_t classes = 0;
  std::vector<Cell> cells;

  const Cell& at(std::size_t responding, std::size_t updated) const {
    return cells[responding * classes + updated];
  }
};

// One measurement, from its stored planes (little-endian, each row-major: mean, sd, ratio_of_means
// as float32, skipped, nonfinite as uint32) and the number of eligible pairs per cell.
// Throws hooke::Error (kDataLoss) when the sizes do not fit.
Cells decode_cells(std::string_view planes, std::size_t classes, std::span<const std::int64_t> eligible);

// The mean over several measurements (of one run at several steps, or of several runs): means are
// averaged cell by cell, sd is over the measurements (n - 1; NaN for a single one), counts are
// summed. A cell without a pair in it (count 0) is left out of its average.
class Average {
 public:
  // REQUIRES: of one size with those before.
  void add(const Cells& measurement);
  // REQUIRES: at least one was added.
  Cells result() const;

 private:
  struct Sums {
    std::int64_t used = 0;
    double mean = 0, running_mean = 0, squares = 0, ratio = 0;  // sums, but for running_mean
  };
  Cells total_;
  std::vector<Sums> sums_;
};

Cells average(std::span<const Cells> measurements);

// One plane, row-major.
std::vector<double> plane_of(const Cells& cells, Plane plane);

// Figures of a matrix of one plane, row-major, `classes` by `classes`. NaN where undefined, as
// with a single class.
double dominance(std::span<const double> matrix, std::size_t classes);
double dominance_ratio(std::span<const double> matrix, std::size_t classes);
double selectivity(std::span<const double> matrix, std::size_t classes, std::size_t updated);
double asymmetry(std::span<const double> matrix, std::size_t classes);

// Cells of two different classes, as indices into the matrix, by absolute value, the largest first. Those
// that are not finite are left out.
std::vector<std::size_t> ranking(std::span<const double> matrix, std::size_t classes);

// A figure with its interval, where there is one.
struct Estimate {
  double value = 0;
  std::optional<double> low, high;
};

struct Summary {
  Estimate own, others;  // mean of the diagonal, mean off it
  Estimate dominance;
  Estimate dominance_ratio;
  std::vector<Estimate> selectivity;  // of each updated class
  Estimate asymmetry;
  std::vector<Estimate> cells;  // of the plane, row-major
};

// Figures of the mean over runs. From two runs on each has an interval over runs: Student's t with the
// jackknife's standard error (of a cell: the standard error of the mean). It supposes that runs are
// drawn alike, as seeds are; for few runs it is wide, as it must be.
// REQUIRES: at least one run, all of one size; 0 < level < 1.
Summary summarise(std::span<const Cells> runs, Plane plane, double level = 0.95);

// The plane that is shown first, and from which summaries come: single ratios of the signed loss
// are huge where the updated example is fitted well, so its ratio of means is.
inline Plane shown_plane(std::string_view measure) {
  return measure == "loss" || measure == "size.loss" ? Plane::kRatioOfMeans : Plane::kMean;
}

}  // namespace hooke::analysis
