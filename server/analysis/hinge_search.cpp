#include "server/analysis/hinge_search.h"

#include <algorithm>
#include <cmath>

#include "server/analysis/statistics.h"

namespace hooke::analysis {
namespace {

constexpr double kDependent = 1e-10;  // a column this much shorter than before carries nothing new
constexpr int kGoldenSteps = 32;
constexpr int kRefineCycles = 3;
constexpr int kExchangeCycles = 4;

}  // namespace

Whitening::Whitening(const Sample& sample, double phi_)
    : phi(phi_), own(sample.size()), previous(sample.size()) {
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double q = i == 0 ? 0.0 : lagged(phi, sample.gap[i]);
    const double scale = 1 / std::sqrt(1 - q * q);
    own[i] = scale * sample.root_weight[i];
    previous[i] = i == 0 ? 0.0 : scale * q * sample.root_weight[i - 1];
    log_determinant -= 2 * std::log(own[i]);
  }
}

std::vector<double> Whitening::apply(std::span<const double> column) const {
  std::vector<double> out(column.size());
  for (std::size_t i = 0; i < column.size(); ++i)
    out[i] = own[i] * column[i] - (i == 0 ? 0.0 : previous[i] * column[i - 1]);
  return out;
}

HingeSearch::HingeSearch(const Sample& sample, double phi, std::size_t fewest)
    : sample_(sample), fewest_(fewest) {
  Whitening whitening(sample, phi);
  log_determinant_ = whitening.log_determinant;
  one_ = whitening.apply(std::vector<double>(sample.size(), 1.0));
  x_ = whitening.apply(sample.x);
  y_ = whitening.apply(sample.y);
  own_ = std::move(whitening.own);
  after_.assign(sample.size() + 1, Sums{0, 0, 0, 0, 0});
  yy_ = 0;
  for (std::size_t i = sample.size(); i-- > 0;) {
    const Sums& next = after_[i + 1];
    after_[i] = {next.aa + x_[i] * x_[i], next.ab + x_[i] * one_[i], next.bb + one_[i] * one_[i],
                 next.ay + x_[i] * y_[i], next.by + one_[i] * y_[i]};
    yy_ += y_[i] * y_[i];
  }
  const Sums& all = after_[0];
  length_one_ = std::sqrt(all.bb);
  x_on_one_ = all.ab / length_one_;
  length_x_ = std::sqrt(std::max(all.aa - x_on_one_ * x_on_one_, 0.0));
  y_on_one_ = all.by / length_one_;
  y_on_x_ = (all.ay - x_on_one_ * y_on_one_) / length_x_;
}

double HingeSearch::rss_constant() const {
  return std::max(yy_ - y_on_one_ * y_on_one_, 0.0);
}

double HingeSearch::rss_line() const {
  return std::max(yy_ - y_on_one_ * y_on_one_ - y_on_x_ * y_on_x_, 0.0);
}

double HingeSearch::rss(std::span<const double> knots) const {
  std::vector<Hinge> hinges;
  hinges.reserve(knots.size());
  for (const double knot : knots) hinges.push_back(hinge(knot));
  return std::max(rss_line() - explained(hinges), 0.0);
}

HingeSearch::Hinge HingeSearch::hinge(double knot) const {
  Hinge h{};
  h.knot = knot;
  const auto beyond = std::upper_bound(sample_.x.begin(), sample_.x.end(), knot);
  h.first = static_cast<std::size_t>(beyond - sample_.x.begin());
  if (h.first >= sample_.size()) return h;
  h.edge = own_[h.first] * (sample_.x[h.first] - knot);
  const Sums& rest = after_[h.first + 1];
  const double with_one = h.edge * one_[h.first] + rest.ab - knot * rest.bb;
  const double with_x = h.edge * x_[h.first] + rest.aa - knot * rest.ab;
  const double with_y = h.edge * y_[h.first] + rest.ay - knot * rest.by;
  h.on_one = with_one / length_one_;
  h.on_x = (with_x - x_on_one_ * h.on_one) / length_x_;
  h.on_y = with_y - h.on_one * y_on_one_ - h.on_x * y_on_x_;
  const double whole = h.edge * h.edge + rest.aa - 2 * knot * rest.ab + knot * knot * rest.bb;
  h.norm = whole - h.on_one * h.on_one - h.on_x * h.on_x;
  if (h.norm < kDependent * kDependent * after_[0].bb) h.norm = 0;
  return h;
}

double HingeSearch::product(const Hinge& left, const Hinge& right) const {
  if (right.first >= sample_.size()) return 0;
  const Sums& rest = after_[right.first + 1];
  const double left_there = left.first == right.first
                                ? own_[right.first] * (sample_.x[right.first] - left.knot)
                                : x_[right.first] - left.knot * one_[right.first];
  const double whole = left_there * right.edge + rest.aa - (left.knot + right.knot) * rest.ab +
                       left.knot * right.knot * rest.bb;
  return whole - left.on_one * right.on_one - left.on_x * right.on_x;
}

// What the hinges explain beyond the line: g' M^-1 g, by Cholesky's method, dependent columns left out.
double HingeSearch::explained(std::span<const Hinge> hinges) const {
  const std::size_t n = hinges.size();
  std::vector<double> lower(n * n, 0.0), z(n, 0.0);
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    double left = hinges[i].norm, g = hinges[i].on_y;
    for (std::size_t j = 0; j < i; ++j) {
      if (lower[j * n + j] == 0) continue;
      double value = product(hinges[j], hinges[i]);
      for (std::size_t k = 0; k < j; ++k) value -= lower[i * n + k] * lower[j * n + k];
      lower[i * n + j] = value / lower[j * n + j];
      left -= lower[i * n + j] * lower[i * n + j];
      g -= lower[i * n + j] * z[j];
    }
    if (left <= kDependent * hinges[i].norm) continue;
    lower[i * n + i] = std::sqrt(left);
    z[i] = g / lower[i * n + i];
    sum += z[i] * z[i];
  }
  return sum;
}

std::vector<std::size_t> HingeSearch::candidate_points(std::size_t candidates) const {
  std::vector<std::size_t> at;
  if (sample_.size() < 2 * fewest_) return at;
  const std::size_t first = fewest_ - 1, last = sample_.size() - fewest_ - 1;
  const std::size_t count = std::min(candidates, last - first + 1);
  for (std::size_t i = 0; i < count; ++i)
    at.push_back(count == 1 ? first : first + (last - first) * i / (count - 1));
  return at;
}

std::vector<std::size_t> HingeSearch::best_pair(std::span<const Hinge> hinges,
                                                std::span<const std::size_t> at) const {
  std::vector<std::size_t> best;
  double most = -1;
  for (std::size_t i = 0; i < hinges.size(); ++i) {
    const Hinge& left = hinges[i];
    if (left.norm == 0) continue;
    const double alone = left.on_y * left.on_y / left.norm;
    for (std::size_t j = i + 1; j < hinges.size(); ++j) {
      if (at[j] - at[i] < fewest_) continue;
      const Hinge& right = hinges[j];
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
std::vector<std::size_t> HingeSearch::exchange(std::size_t count, std::span<const Hinge> hinges,
                                               std::span<const std::size_t> at) const {
  std::vector<std::size_t> chosen = best_pair(hinges, at);
  const auto best_addition = [&](const std::vector<std::size_t>& others) {
    std::vector<std::size_t> best;
    double most = -1;
    for (std::size_t i = 0; i < hinges.size(); ++i) {
      const bool close = std::any_of(others.begin(), others.end(), [&](std::size_t o) {
        return (at[o] > at[i] ? at[o] - at[i] : at[i] - at[o]) < fewest_;
      });
      if (close) continue;
      std::vector<std::size_t> with = others;
      with.insert(std::lower_bound(with.begin(), with.end(), i), i);
      std::vector<Hinge> columns;
      for (const std::size_t c : with) columns.push_back(hinges[c]);
      if (const double total = explained(columns); total > most) {
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

std::vector<double> HingeSearch::best_knots(std::size_t count, std::size_t candidates) const {
  if (count == 0 || sample_.size() < (count + 1) * fewest_) return {};
  const auto at = candidate_points(candidates);
  std::vector<Hinge> hinges;
  for (const std::size_t point : at) hinges.push_back(hinge(sample_.x[point]));
  std::vector<std::size_t> chosen;
  if (count == 1) {
    double most = -1;
    for (std::size_t i = 0; i < hinges.size(); ++i) {
      const double total = hinges[i].norm == 0 ? 0 : hinges[i].on_y * hinges[i].on_y / hinges[i].norm;
      if (total > most) {
        most = total;
        chosen = {i};
      }
    }
  } else {
    chosen = count == 2 ? best_pair(hinges, at) : exchange(count, hinges, at);
  }
  std::vector<double> knots;
  for (const std::size_t i : chosen) knots.push_back(hinges[i].knot);
  return knots;
}

HingeSearch::Range HingeSearch::range(std::span<const double> knots, std::size_t index) const {
  const auto beyond = [&](double knot) {
    return static_cast<std::size_t>(std::upper_bound(sample_.x.begin(), sample_.x.end(), knot) -
                                    sample_.x.begin());
  };
  const std::size_t begin = index == 0 ? 0 : beyond(knots[index - 1]);
  const std::size_t end = index + 1 == knots.size() ? sample_.size() : beyond(knots[index + 1]);
  const std::size_t low = std::min(begin + fewest_ - 1, sample_.size() - 1);
  const std::size_t high = end < fewest_ + 1 ? 0 : end - fewest_ - 1;
  if (high < low) return {knots[index], knots[index]};
  return {sample_.x[low], sample_.x[high]};
}

std::vector<double> HingeSearch::refine(std::vector<double> knots, double reach, std::size_t fixed) const {
  const std::size_t moving = knots.size() - (fixed < knots.size() ? 1 : 0);
  const int cycles = moving > 1 ? kRefineCycles : 1;
  for (int cycle = 0; cycle < cycles; ++cycle) {
    for (std::size_t k = 0; k < knots.size(); ++k) {
      if (k == fixed) continue;
      const Range allowed = range(knots, k);
      const double low = std::max(allowed.low, knots[k] - reach);
      const double high = std::min(allowed.high, knots[k] + reach);
      if (!(low < high)) continue;
      knots[k] = minimise(low, high, knots[k], kGoldenSteps, [&](double at) {
        auto trial = knots;
        trial[k] = at;
        return rss(trial);
      });
    }
  }
  return knots;
}

}  // namespace hooke::analysis
