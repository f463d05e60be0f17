#include "server/analysis/break_search.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "server/analysis/statistics.h"

namespace hooke::analysis {
namespace {

constexpr double kDependent = 1e-10;  // a column this much shorter than before carries nothing new
constexpr int kGoldenSteps = 32;
constexpr int kRefineCycles = 3;
constexpr int kExchangeCycles = 4;

double unrolled_dot(std::span<const double> a, std::span<const double> b) {
  // Four sums, so that additions need not wait for each other.
  double sum[4] = {0, 0, 0, 0};
  std::size_t i = 0;
  for (; i + 4 <= a.size(); i += 4)
    for (std::size_t k = 0; k < 4; ++k) sum[k] += a[i + k] * b[i + k];
  for (; i < a.size(); ++i) sum[0] += a[i] * b[i];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

}  // namespace

Design::Design(const Sample& sample, double phi, std::size_t fewest, std::span<const double> times)
    : sample_(sample), fewest_(fewest), whitening_(sample, phi), times_(times.begin(), times.end()) {
  const std::size_t n = sample.size();
  one_ = whitening_.apply(std::vector<double>(n, 1.0));
  x_ = whitening_.apply(sample.x);
  after_.assign(n + 1, Sums{0, 0, 0});
  for (std::size_t i = n; i-- > 0;) {
    const Sums& next = after_[i + 1];
    after_[i] = {next.aa + x_[i] * x_[i], next.ab + x_[i] * one_[i], next.bb + one_[i] * one_[i]};
  }
  const Sums& all = after_[0];
  length_one_ = std::sqrt(all.bb);
  x_on_one_ = all.ab / length_one_;
  length_x_ = std::sqrt(std::max(all.aa - x_on_one_ * x_on_one_, 0.0));
  for (const double time : times_) relaxations_.push_back(relaxation(time));
}

std::vector<double> Design::relaxation(double time) const {
  std::vector<double> column(sample_.size());
  for (std::size_t i = 0; i < column.size(); ++i) column[i] = std::exp(-sample_.x[i] / time);
  column = whitening_.apply(column);
  const double before = std::sqrt(unrolled_dot(column, column));
  for (int pass = 0; pass < 2; ++pass) {  // twice for accuracy
    const double along = unrolled_dot(column, one_) / (length_one_ * length_one_);
    for (std::size_t i = 0; i < column.size(); ++i) column[i] -= along * one_[i];
  }
  const double length = std::sqrt(unrolled_dot(column, column));
  if (!(length > kDependent * before)) return {};
  for (double& value : column) value /= length;
  return column;
}

BreakSearch::BreakSearch(const Design& design, std::span<const double> y)
    : design_(design), y_(design.whitening_.apply(y)), after_(y.size() + 1, Sums{0, 0}) {
  for (std::size_t i = y_.size(); i-- > 0;)
    after_[i] = {after_[i + 1].ay + design.x_[i] * y_[i], after_[i + 1].by + design.one_[i] * y_[i]};
  y_on_one_ = after_[0].by / design.length_one_;
  y_on_x_ = (after_[0].ay - design.x_on_one_ * y_on_one_) / design.length_x_;
  yy_ = unrolled_dot(y_, y_);
}

double BreakSearch::rss_constant() const {
  return std::max(yy_ - y_on_one_ * y_on_one_, 0.0);
}

double BreakSearch::rss_line() const {
  return std::max(yy_ - y_on_one_ * y_on_one_ - y_on_x_ * y_on_x_, 0.0);
}

double BreakSearch::rss_relaxation(double time) const {
  const auto column = design_.relaxation(time);
  const double along = column.empty() ? 0 : unrolled_dot(column, y_);
  return std::max(rss_constant() - along * along, 0.0);
}

double BreakSearch::rss(Family family, std::span<const double> breaks) const {
  std::vector<Column> columns;
  columns.reserve(breaks.size());
  for (const double at : breaks) columns.push_back(column(family, at));
  const double base = family == Family::kHinges ? rss_line() : rss_constant();
  return std::max(base - explained(columns), 0.0);
}

double BreakSearch::best_relaxation() const {
  double best = design_.times_.front(), most = -1;
  for (std::size_t i = 0; i < design_.times_.size(); ++i) {
    if (design_.relaxations_[i].empty()) continue;
    if (const double along = unrolled_dot(design_.relaxations_[i], y_); along * along > most) {
      most = along * along;
      best = design_.times_[i];
    }
  }
  return best;
}

BreakSearch::Column BreakSearch::column(Family family, double at) const {
  const auto& x = design_.sample_.x;
  const bool hinge = family == Family::kHinges;
  Column c{};
  c.at = at;
  const auto first =
      hinge ? std::upper_bound(x.begin(), x.end(), at) : std::lower_bound(x.begin(), x.end(), at);
  c.first = static_cast<std::size_t>(first - x.begin());
  if (c.first >= x.size()) return c;
  c.slope = hinge ? 1 : 0;
  c.offset = hinge ? -at : 1;
  c.edge = design_.whitening_.own[c.first] * (c.slope * x[c.first] + c.offset);
  const auto& rest = design_.after_[c.first + 1];
  const double with_one = c.edge * design_.one_[c.first] + c.slope * rest.ab + c.offset * rest.bb;
  const Sums& y = after_[c.first + 1];
  const double with_y = c.edge * y_[c.first] + c.slope * y.ay + c.offset * y.by;
  c.along_one = with_one / design_.length_one_;
  c.on_y = with_y - c.along_one * y_on_one_;
  const double whole = c.edge * c.edge + c.slope * c.slope * rest.aa + 2 * c.slope * c.offset * rest.ab +
                       c.offset * c.offset * rest.bb;
  c.norm = whole - c.along_one * c.along_one;
  if (hinge) {
    const double with_x = c.edge * design_.x_[c.first] + c.slope * rest.aa + c.offset * rest.ab;
    c.along_x = (with_x - design_.x_on_one_ * c.along_one) / design_.length_x_;
    c.on_y -= c.along_x * y_on_x_;
    c.norm -= c.along_x * c.along_x;
  }
  if (c.norm < kDependent * kDependent * design_.after_[0].bb) c.norm = 0;
  return c;
}

double BreakSearch::product(const Column& left, const Column& right) const {
  if (right.first >= y_.size()) return 0;
  const auto& rest = design_.after_[right.first + 1];
  const double left_there = left.first == right.first ? left.edge
                                                      : left.slope * design_.x_[right.first] +
                                                            left.offset * design_.one_[right.first];
  const double whole = left_there * right.edge + left.slope * right.slope * rest.aa +
                       (left.slope * right.offset + left.offset * right.slope) * rest.ab +
                       left.offset * right.offset * rest.bb;
  return whole - left.along_one * right.along_one - left.along_x * right.along_x;
}

// What the columns explain beyond constant or line: g' M^-1 g, by Cholesky's method, dependent columns left
// out.
double BreakSearch::explained(std::span<const Column> columns) const {
  const std::size_t n = columns.size();
  std::vector<double> lower(n * n, 0.0), z(n, 0.0);
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    double left = columns[i].norm, g = columns[i].on_y;
    for (std::size_t j = 0; j < i; ++j) {
      if (lower[j * n + j] == 0) continue;
      double value = product(columns[j], columns[i]);
      for (std::size_t k = 0; k < j; ++k) value -= lower[i * n + k] * lower[j * n + k];
      lower[i * n + j] = value / lower[j * n + j];
      left -= lower[i * n + j] * lower[i * n + j];
      g -= lower[i * n + j] * z[j];
    }
    if (left <= kDependent * columns[i].norm) continue;
    lower[i * n + i] = std::sqrt(left);
    z[i] = g / lower[i * n + i];
    sum += z[i] * z[i];
  }
  return sum;
}

std::vector<std::size_t> BreakSearch::candidate_points(std::size_t candidates) const {
  std::vector<std::size_t> at;
  if (y_.size() < 2 * design_.fewest_) return at;
  const std::size_t first = design_.fewest_ - 1, last = y_.size() - design_.fewest_ - 1;
  const std::size_t count = std::min(candidates, last - first + 1);
  for (std::size_t i = 0; i < count; ++i)
    at.push_back(count == 1 ? first : first + (last - first) * i / (count - 1));
  return at;
}

std::vector<std::size_t> BreakSearch::best_pair(std::span<const Column> columns,
                                                std::span<const std::size_t> at) const {
  std::vector<std::size_t> best;
  double most = -1;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const Column& left = columns[i];
    if (left.norm == 0) continue;
    const double alone = left.on_y * left.on_y / left.norm;
    for (std::size_t j = i + 1; j < columns.size(); ++j) {
      if (at[j] - at[i] < design_.fewest_) continue;
      const Column& right = columns[j];
      const double m = product(left, right);
      const double rest = right.norm - m * m / left.norm;
      if (rest <= kDependent * right.norm) continue;
      const double g = right.on_y - m / left.norm * left.on_y;
      const double total = alone + g * g / rest;
      if (total > most) {
        most = total;
        best = {i, j};
      }
    }
  }
  return best;
}

// Adds the best candidate again and again, then exchanges one at a time while that helps.
std::vector<std::size_t> BreakSearch::exchange(std::size_t count, std::span<const Column> columns,
                                               std::span<const std::size_t> at) const {
  std::vector<std::size_t> chosen = best_pair(columns, at);
  const auto best_addition = [&](const std::vector<std::size_t>& others) {
    std::vector<std::size_t> best;
    double most = -1;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const bool close = std::any_of(others.begin(), others.end(), [&](std::size_t o) {
        return (at[o] > at[i] ? at[o] - at[i] : at[i] - at[o]) < design_.fewest_;
      });
      if (close) continue;
      std::vector<std::size_t> with = others;
      with.insert(std::lower_bound(with.begin(), with.end(), i), i);
      std::vector<Column> trial;
      for (const std::size_t c : with) trial.push_back(columns[c]);
      if (const double total = explained(trial); total > most) {
        most = total;
        best = with;
      }
    }
    return best;
  };
  while (!chosen.empty() && chosen.size() < count) chosen = best_addition(chosen);
  for (int cycle = 0; cycle < kExchangeCycles && !chosen.empty(); ++cycle) {
    const auto before = chosen;
    for (std::size_t k = 0; k < count; ++k) {
      auto others = chosen;
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(k));
      chosen = best_addition(others);
    }
    if (chosen == before) break;
  }
  return chosen;
}

std::vector<double> BreakSearch::best_breaks(Family family, std::size_t count, std::size_t candidates) const {
  if (count == 0 || y_.size() < (count + 1) * design_.fewest_) return {};
  const auto at = candidate_points(candidates);
  std::vector<Column> columns;
  columns.reserve(at.size());
  for (const std::size_t point : at) columns.push_back(column(family, place(family, point)));
  std::vector<std::size_t> chosen;
  if (count == 1) {
    double most = -1;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const double total = columns[i].norm == 0 ? 0 : columns[i].on_y * columns[i].on_y / columns[i].norm;
      if (total > most) {
        most = total;
        chosen = {i};
      }
    }
  } else {
    chosen = count == 2 ? best_pair(columns, at) : exchange(count, columns, at);
  }
  std::vector<double> breaks;
  for (const std::size_t i : chosen) breaks.push_back(columns[i].at);
  return breaks;
}

// A knot stands on the last point before it, a jump is named by the first point after it.
double BreakSearch::place(Family family, std::size_t last_before) const {
  return design_.sample_.x[family == Family::kHinges ? last_before : last_before + 1];
}

BreakSearch::Range BreakSearch::range(Family family, std::span<const double> breaks,
                                      std::size_t index) const {
  const auto& x = design_.sample_.x;
  const auto beyond = [&](double at) {
    const auto first = family == Family::kHinges ? std::upper_bound(x.begin(), x.end(), at)
                                                 : std::lower_bound(x.begin(), x.end(), at);
    return static_cast<std::size_t>(first - x.begin());
  };
  const std::size_t begin = index == 0 ? 0 : beyond(breaks[index - 1]);
  const std::size_t end = index + 1 == breaks.size() ? x.size() : beyond(breaks[index + 1]);
  const std::size_t here = std::max<std::size_t>(beyond(breaks[index]), 1) - 1;
  const std::size_t low = begin + design_.fewest_ - 1;
  const std::size_t high = end < design_.fewest_ + 1 ? 0 : end - design_.fewest_ - 1;
  return low <= high ? Range{low, high} : Range{here, here};
}

double BreakSearch::best_knot(std::span<const double> knots, std::size_t index, double reach) const {
  const Range allowed = range(Family::kHinges, knots, index);
  const double low = std::max(design_.sample_.x[allowed.low], knots[index] - reach);
  const double high = std::min(design_.sample_.x[allowed.high], knots[index] + reach);
  if (!(low < high)) return knots[index];
  std::vector<double> trial(knots.begin(), knots.end());
  return minimise(low, high, knots[index], kGoldenSteps, [&](double at) {
    trial[index] = at;
    return rss(Family::kHinges, trial);
  });
}

double BreakSearch::best_jump(std::span<const double> jumps, std::size_t index, double reach) const {
  const Range allowed = range(Family::kJumps, jumps, index);
  std::vector<double> trial(jumps.begin(), jumps.end());
  double best = jumps[index], least = rss(Family::kJumps, jumps);
  const auto& x = design_.sample_.x;
  const auto first = std::lower_bound(x.begin(), x.end(), jumps[index] - reach) - x.begin();
  for (auto i = std::max(static_cast<std::size_t>(first), allowed.low + 1); i <= allowed.high + 1; ++i) {
    if (x[i] > jumps[index] + reach) break;
    trial[index] = x[i];
    if (const double value = rss(Family::kJumps, trial); value < least) {
      least = value;
      best = x[i];
    }
  }
  return best;
}

std::vector<double> BreakSearch::refine(Family family, std::vector<double> breaks, double reach) const {
  const int cycles = breaks.size() > 1 ? kRefineCycles : 1;
  for (int cycle = 0; cycle < cycles; ++cycle)
    for (std::size_t k = 0; k < breaks.size(); ++k)
      breaks[k] = family == Family::kHinges ? best_knot(breaks, k, reach) : best_jump(breaks, k, reach);
  return breaks;
}

}  // namespace hooke::analysis
