#include "server/analysis/differences.h"

#include <cmath>

#include "server/analysis/statistics.h"

namespace hooke::analysis {
namespace {

// Sums over the pairs of one cell, above and below the line of its figure.
struct Sum {
  double above = 0, below = 0;

  Sum& operator+=(const Sum& other) {
    above += other.above;
    below += other.below;
    return *this;
  }
  friend Sum operator-(const Sum& a, const Sum& b) { return {a.above - b.above, a.below - b.below}; }
  friend Sum operator*(double times, const Sum& a) { return {times * a.above, times * a.below}; }
  friend Sum operator+(Sum a, const Sum& b) { return a += b; }
  double value() const { return above / below; }
};

Sum pair_sum(const PairTable& table, Plane plane, std::size_t row, std::size_t column) {
  const float above = table.numerators[row * table.probes() + column], below = table.denominator(row, column);
  if (plane == Plane::kRatioOfMeans) return {above, below};
  const auto s = ratio(above, below);
  return s ? Sum{*s, 1} : Sum{};
}

// One cell of one table, whole (first) and with each probe number taken out: the sums over pairs of different
// numbers and over pairs of the same number are scaled to as many pairs as the whole cell has of each. Empty
// where there is no pair.
std::vector<double> left_out_cell(const PairTable& table, Plane plane, std::size_t responding,
                                  std::size_t updated) {
  const std::size_t p = table.per_class;
  std::vector<Sum> with(p), same(p);  // pairs that the number is in; pairs of the number with itself
  Sum all, all_same;
  for (std::size_t i = 0; i < p; ++i) {
    for (std::size_t j = 0; j < p; ++j) {
      const Sum sum = pair_sum(table, plane, responding * p + i, updated * p + j);
      if (i == j) {
        if (responding == updated && !table.self_pairs) continue;
        same[i] = sum;
        all_same += sum;
        continue;
      }
      with[i] += sum;
      with[j] += sum;
      all += sum;
    }
  }
  if ((all + all_same).below == 0) return {};
  const auto n = static_cast<double>(p);
  std::vector<double> values = {(all + all_same).value()};
  for (std::size_t i = 0; i < p; ++i)
    values.push_back((n / (n - 2) * (all - with[i]) + n / (n - 1) * (all_same - same[i])).value());
  return values;
}

// The mean over tables of the matrix, whole (first) and with each probe number taken out: [1 + P][cell].
std::vector<std::vector<double>> left_out_matrices(std::span<const PairTable> tables, Plane plane) {
  const std::size_t classes = tables.front().classes, p = tables.front().per_class;
  std::vector<std::vector<double>> matrices(1 + p, std::vector<double>(classes * classes, 0.0));
  for (std::size_t cell = 0; cell < classes * classes; ++cell) {
    double used = 0;
    for (const PairTable& table : tables) {
      const auto values = left_out_cell(table, plane, cell / classes, cell % classes);
      if (values.empty()) continue;  // as in average()
      used += 1;
      for (std::size_t i = 0; i < matrices.size(); ++i) matrices[i][cell] += values[i];
    }
    for (auto& matrix : matrices) matrix[cell] /= used;
  }
  return matrices;
}

// Among the quantities.
std::size_t asymmetry_at(std::size_t classes) {
  return classes * classes + 1;
}

// The p-values of one family, in place.
void set_p_values(std::span<Difference> family, std::span<const double> p) {
  const auto adjusted = holm(p);
  for (std::size_t i = 0; i < family.size(); ++i) {
    if (std::isnan(p[i])) continue;
    family[i].p_value = p[i];
    family[i].p_holm = adjusted[i];
  }
}

}  // namespace

std::size_t quantity_count(std::size_t classes) {
  return classes * classes + 2 + classes;
}

std::vector<double> quantities_of(std::span<const double> matrix, std::size_t classes) {
  std::vector<double> all(matrix.begin(), matrix.end());
  all.push_back(dominance(matrix, classes));
  all.push_back(asymmetry(matrix, classes));
  for (std::size_t updated = 0; updated < classes; ++updated)
    all.push_back(selectivity(matrix, classes, updated));
  return all;
}

Units units_of_runs(std::span<const Cells> runs, Plane plane) {
  Units units{quantity_count(runs.front().classes), {}};
  for (const Cells& run : runs) {
    auto matrix = plane_of(run, plane);
    for (std::size_t i = 0; i < matrix.size(); ++i)
      if (run.cells[i].count == 0) matrix[i] = kNan;
    const auto values = quantities_of(matrix, run.classes);
    units.values.insert(units.values.end(), values.begin(), values.end());
  }
  return units;
}

Units units_of_probes(std::span<const PairTable> tables, Plane plane) {
  const std::size_t classes = tables.front().classes;
  const auto matrices = left_out_matrices(tables, plane);
  const auto whole = quantities_of(matrices[0], classes);
  const auto n = static_cast<double>(tables.front().per_class);
  Units units{whole.size(), {}};
  for (std::size_t i = 1; i < matrices.size(); ++i) {
    const auto without = quantities_of(matrices[i], classes);
    for (std::size_t q = 0; q < whole.size(); ++q)
      units.values.push_back(q == asymmetry_at(classes) ? kNan : n * whole[q] - (n - 1) * without[q]);
  }
  return units;
}

std::vector<Difference> differences(std::span<const double> side, std::span<const double> against,
                                    std::size_t classes, const std::optional<PermutationTest>& test) {
  std::vector<Difference> all;
  for (std::size_t q = 0; q < side.size(); ++q)
    all.push_back({side[q], against[q], side[q] - against[q], {}, {}});
  if (!test) return all;
  const std::size_t cells = classes * classes;
  set_p_values(std::span(all).first(cells), std::span(test->p).first(cells));
  set_p_values(std::span(all).subspan(cells), std::span(test->p).subspan(cells));
  return all;
}

}  // namespace hooke::analysis
