#include "server/analysis/influence.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "proto/hooke/error.h"
#include "server/analysis/statistics.h"

namespace hooke::analysis {
namespace {

static_assert(std::endian::native == std::endian::little, "planes are stored little-endian");

constexpr std::size_t kPlanes = 5;
constexpr std::size_t kPlaneElementBytes = 4;

template <class T>
T element(std::string_view planes, std::size_t plane, std::size_t cells, std::size_t cell) {
  static_assert(sizeof(T) == kPlaneElementBytes);
  T value;
  std::memcpy(&value, planes.data() + (plane * cells + cell) * sizeof(T), sizeof(T));
  return value;
}

struct DiagonalMeans {
  double on = 0, off = 0;
};

DiagonalMeans diagonal_means(std::span<const double> matrix, std::size_t classes) {
  double on = 0, off = 0;
  for (std::size_t row = 0; row < classes; ++row)
    for (std::size_t column = 0; column < classes; ++column)
      (row == column ? on : off) += matrix[row * classes + column];
  const auto k = static_cast<double>(classes);
  return {on / k, classes < 2 ? kNan : off / (k * (k - 1))};
}

// All figures of one matrix: dominance, dominance_ratio, asymmetry, the means of and off the diagonal,
// then selectivity per class.
constexpr std::size_t kFirstSelectivity = 5;

std::vector<double> figures(std::span<const double> matrix, std::size_t classes) {
  const auto means = diagonal_means(matrix, classes);
  std::vector<double> all = {dominance(matrix, classes), dominance_ratio(matrix, classes),
                             asymmetry(matrix, classes), means.on, means.off};
  for (std::size_t updated = 0; updated < classes; ++updated)
    all.push_back(selectivity(matrix, classes, updated));
  return all;
}

// The mean of one plane over drawn runs; cells without a pair are left out, as in average().
std::vector<double> mean_plane(std::span<const Cells* const> drawn, Plane plane) {
  const std::size_t cells = drawn.front()->cells.size();
  std::vector<double> sum(cells, 0.0);
  std::vector<double> used(cells, 0.0);
  for (const Cells* one : drawn) {
    for (std::size_t i = 0; i < cells; ++i) {
      const Cell& cell = one->cells[i];
      if (cell.count == 0) continue;
      sum[i] += plane == Plane::kMean ? cell.mean : cell.ratio_of_means;
      used[i] += 1;
    }
  }
  for (std::size_t i = 0; i < cells; ++i) sum[i] /= used[i];
  return sum;
}

// From a figure of all runs and the same of all but each: Student's t with the jackknife's standard error.
Estimate estimate(double value, std::span<const double> without_one, double level) {
  Estimate result{value, {}, {}};
  if (without_one.size() < 2) return result;
  const auto n = static_cast<double>(without_one.size());
  const double error = (n - 1) / std::sqrt(n) * standard_deviation(without_one);
  if (!std::isfinite(value) || !std::isfinite(error)) return result;
  const double t = t_quantile(0.5 + level / 2, n - 1);
  result.low = value - t * error;
  result.high = value + t * error;
  return result;
}

// Of one cell over the runs in which it has a pair.
Estimate cell_estimate(std::span<const Cells> runs, std::size_t at, Plane plane, double level) {
  std::vector<double> values;
  for (const Cells& run : runs) {
    const Cell& cell = run.cells[at];
    if (cell.count > 0) values.push_back(plane == Plane::kMean ? cell.mean : cell.ratio_of_means);
  }
  const double all = mean(values), n = static_cast<double>(values.size());
  std::vector<double> without_one;
  for (const double value : values) without_one.push_back((all * n - value) / (n - 1));
  return estimate(all, without_one, level);
}

}  // namespace

Cells decode_cells(std::string_view planes, std::size_t classes, std::span<const std::int64_t> eligible) {
  const std::size_t count = classes * classes;
  if (planes.size() != count * kPlanes * kPlaneElementBytes || eligible.size() != count)
    throw Error(Code::kDataLoss, "a stored matrix has " + std::to_string(planes.size()) + " bytes and " +
                                     std::to_string(eligible.size()) +
                                     " eligible counts, which does not fit " + std::to_string(classes) +
                                     " classes");
  Cells result{classes, std::vector<Cell>(count)};
  for (std::size_t i = 0; i < count; ++i) {
    Cell& cell = result.cells[i];
    cell.mean = element<float>(planes, 0, count, i);
    cell.sd = element<float>(planes, 1, count, i);
    cell.ratio_of_means = element<float>(planes, 2, count, i);
    cell.skipped = element<std::uint32_t>(planes, 3, count, i);
    cell.nonfinite = element<std::uint32_t>(planes, 4, count, i);
    cell.count = eligible[i] - cell.skipped;
  }
  return result;
}

void Average::add(const Cells& measurement) {
  if (sums_.empty()) {
    total_ = Cells{measurement.classes, std::vector<Cell>(measurement.cells.size())};
    sums_.resize(measurement.cells.size());
  }
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    const Cell& cell = measurement.cells[i];
    total_.cells[i].count += cell.count;
    total_.cells[i].skipped += cell.skipped;
    total_.cells[i].nonfinite += cell.nonfinite;
    if (cell.count == 0) continue;
    Sums& sums = sums_[i];
    ++sums.used;
    sums.mean += cell.mean;
    sums.ratio += cell.ratio_of_means;
    const double before = cell.mean - sums.running_mean;
    sums.running_mean += before / static_cast<double>(sums.used);
    sums.squares += before * (cell.mean - sums.running_mean);
  }
}

Cells Average::result() const {
  Cells result = total_;
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    const auto n = static_cast<double>(sums_[i].used);
    result.cells[i].mean = sums_[i].mean / n;
    result.cells[i].ratio_of_means = sums_[i].ratio / n;
    result.cells[i].sd = sums_[i].used < 2 ? kNan : std::sqrt(sums_[i].squares / (n - 1));
  }
  return result;
}

Cells average(std::span<const Cells> measurements) {
  Average average;
  for (const Cells& one : measurements) average.add(one);
  return average.result();
}

std::vector<double> plane_of(const Cells& cells, Plane plane) {
  std::vector<double> values;
  values.reserve(cells.cells.size());
  for (const Cell& cell : cells.cells)
    values.push_back(plane == Plane::kMean ? cell.mean : cell.ratio_of_means);
  return values;
}

double dominance(std::span<const double> matrix, std::size_t classes) {
  const auto means = diagonal_means(matrix, classes);
  return means.on - means.off;
}

double dominance_ratio(std::span<const double> matrix, std::size_t classes) {
  const auto means = diagonal_means(matrix, classes);
  return means.on / means.off;
}

double selectivity(std::span<const double> matrix, std::size_t classes, std::size_t updated) {
  double sum = 0;
  for (std::size_t row = 0; row < classes; ++row) sum += matrix[row * classes + updated];
  return matrix[updated * classes + updated] / (sum / static_cast<double>(classes));
}

double asymmetry(std::span<const double> matrix, std::size_t classes) {
  double difference = 0, norm = 0;
  for (std::size_t row = 0; row < classes; ++row) {
    for (std::size_t column = 0; column < classes; ++column) {
      const double a = matrix[row * classes + column];
      const double d = a - matrix[column * classes + row];
      difference += d * d;
      norm += a * a;
    }
  }
  return std::sqrt(difference) / std::sqrt(norm);
}

std::vector<std::size_t> ranking(std::span<const double> matrix, std::size_t classes) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < matrix.size(); ++i)
    if (i / classes != i % classes && std::isfinite(matrix[i])) order.push_back(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return std::abs(matrix[a]) > std::abs(matrix[b]); });
  return order;
}

Summary summarise(std::span<const Cells> runs, Plane plane, double level) {
  const std::size_t classes = runs.front().classes;
  std::vector<const Cells*> all;
  for (const Cells& run : runs) all.push_back(&run);
  const auto values = figures(mean_plane(all, plane), classes);
  std::vector<std::vector<double>> without_one(values.size());  // [figure][run left out]
  for (std::size_t i = 0; runs.size() > 1 && i < runs.size(); ++i) {
    std::vector<const Cells*> others = all;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    const auto figures_of_others = figures(mean_plane(others, plane), classes);
    for (std::size_t f = 0; f < values.size(); ++f) without_one[f].push_back(figures_of_others[f]);
  }
  Summary summary;
  summary.dominance = estimate(values[0], without_one[0], level);
  summary.dominance_ratio = estimate(values[1], without_one[1], level);
  summary.asymmetry = estimate(values[2], without_one[2], level);
  summary.own = estimate(values[3], without_one[3], level);
  summary.others = estimate(values[4], without_one[4], level);
  for (std::size_t c = 0; c < classes; ++c)
    summary.selectivity.push_back(
        estimate(values[kFirstSelectivity + c], without_one[kFirstSelectivity + c], level));
  for (std::size_t at = 0; at < classes * classes; ++at)
    summary.cells.push_back(cell_estimate(runs, at, plane, level));
  return summary;
}

}  // namespace hooke::analysis
