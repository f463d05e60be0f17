#include "server/analysis/permutation.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "server/analysis/statistics.h"

namespace hooke::analysis {
namespace {

constexpr std::uint64_t kPermutationSeed = 19350601;
// Statistics that differ by rounding alone are equal. A spread below kNoSpread of all squares is none; what
// is above loses up to seven digits.
constexpr double kRounding = 1e-6;
constexpr double kNoSpread = 1e-9;

std::vector<bool> finite_everywhere(const Units& side, const Units& against) {
  std::vector<bool> finite(side.quantities, true);
  for (const Units* units : {&side, &against})
    for (std::size_t u = 0; u < units->size(); ++u)
      for (std::size_t q = 0; q < units->quantities; ++q)
        if (!std::isfinite(units->of(u)[q])) finite[q] = false;
  return finite;
}

void set_p_values(PermutationTest& test, std::span<const std::int64_t> as_extreme,
                  const std::vector<bool>& finite) {
  const std::int64_t own = test.exact ? 0 : 1;  // the arrangement that was seen, among random ones
  for (std::size_t q = 0; q < finite.size(); ++q)
    test.p.push_back(finite[q] ? static_cast<double>(as_extreme[q] + own) /
                                     static_cast<double>(test.arrangements + own)
                               : kNan);
}

// Sums of differences under flipped signs.
class Flips {
 public:
  Flips(const Units& side, const Units& against)
      : units_(side.size()),
        differences_(side.values),
        sum_(side.quantities, 0.0),
        reached_(side.quantities, 0.0),
        as_extreme_(side.quantities, 0) {
    std::vector<double> size(sum_.size(), 0.0);
    for (std::size_t at = 0; at < differences_.size(); ++at) {
      differences_[at] -= against.values[at];
      sum_[at % sum_.size()] += differences_[at];
      size[at % sum_.size()] += std::abs(differences_[at]);
    }
    for (std::size_t q = 0; q < sum_.size(); ++q) reached_[q] = std::abs(sum_[q]) - kNoSpread * size[q];
  }

  void count() {
    for (std::size_t q = 0; q < sum_.size(); ++q) as_extreme_[q] += std::abs(sum_[q]) >= reached_[q];
  }
  std::span<const std::int64_t> as_extreme() const { return as_extreme_; }

  // The flips that leave the first sign, in the order of Gray's code; the others are their mirror images.
  void try_all() {
    std::vector<double> sign(units_, 1.0);
    count();
    for (std::uint64_t i = 1; i < std::uint64_t{1} << (units_ - 1); ++i) {
      const auto unit = static_cast<std::size_t>(std::countr_zero(i)) + 1;
      sign[unit] = -sign[unit];
      add(unit, 2 * sign[unit]);
      count();
    }
  }
  void try_random(int permutations) {
    std::mt19937_64 random(kPermutationSeed);
    for (int i = 0; i < permutations; ++i) {
      std::fill(sum_.begin(), sum_.end(), 0.0);
      std::uint64_t bits = 0;
      for (std::size_t unit = 0; unit < units_; ++unit, bits >>= 1) {
        if (unit % 64 == 0) bits = random();
        add(unit, bits & 1 ? 1 : -1);
      }
      count();
    }
  }

 private:
  void add(std::size_t unit, double times) {
    const double* values = differences_.data() + unit * sum_.size();
    for (std::size_t q = 0; q < sum_.size(); ++q) sum_[q] += times * values[q];
  }

  std::size_t units_;
  std::vector<double> differences_;  // [unit][quantity]
  std::vector<double> sum_, reached_;
  std::vector<std::int64_t> as_extreme_;
};

// Squares of Welch's t under exchanged units.
class Exchanges {
 public:
  Exchanges(const Units& side, const Units& against)
      : quantities_(side.quantities), first_(side.size()), units_(side.size() + against.size()) {
    values_ = side.values;
    values_.insert(values_.end(), against.values.begin(), against.values.end());
    // About the common mean, so that sums of squares lose no digits.
    for (std::size_t q = 0; q < quantities_; ++q) {
      double mean = 0;
      for (std::size_t u = 0; u < units_; ++u) mean += at(u, q) / static_cast<double>(units_);
      for (std::size_t u = 0; u < units_; ++u) at(u, q) -= mean;
    }
    for (std::vector<double>* sums : {&sum_, &squares_, &all_, &all_squares_}) sums->assign(quantities_, 0.0);
    for (std::size_t u = 0; u < units_; ++u) add(u, all_, all_squares_);
    as_extreme_.assign(quantities_, 0);
    chosen_.assign(units_, false);
    std::fill_n(chosen_.begin(), first_, true);
    reached_ = statistics();
    for (double& value : reached_) value -= std::isfinite(value) ? kRounding * value : 0;
  }

  std::span<const std::int64_t> as_extreme() const { return as_extreme_; }

  void try_all() {
    do count();
    while (std::prev_permutation(chosen_.begin(), chosen_.end()));
  }
  void try_random(int permutations) {
    std::mt19937_64 random(kPermutationSeed);
    std::vector<std::size_t> order(units_);
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (int i = 0; i < permutations; ++i) {
      std::fill(chosen_.begin(), chosen_.end(), false);
      for (std::size_t u = 0; u < first_; ++u) {
        std::swap(order[u], order[std::uniform_int_distribution<std::size_t>(u, units_ - 1)(random)]);
        chosen_[order[u]] = true;
      }
      count();
    }
  }

 private:
  double& at(std::size_t unit, std::size_t quantity) { return values_[unit * quantities_ + quantity]; }

  void add(std::size_t unit, std::vector<double>& sum, std::vector<double>& squares) const {
    const double* values = values_.data() + unit * quantities_;
    for (std::size_t q = 0; q < quantities_; ++q) {
      sum[q] += values[q];
      squares[q] += values[q] * values[q];
    }
  }

  // Of the units that are chosen against the rest.
  std::vector<double> statistics() {
    std::fill(sum_.begin(), sum_.end(), 0.0);
    std::fill(squares_.begin(), squares_.end(), 0.0);
    for (std::size_t u = 0; u < units_; ++u)
      if (chosen_[u]) add(u, sum_, squares_);
    const auto n = static_cast<double>(first_), m = static_cast<double>(units_ - first_);
    std::vector<double> result(quantities_);
    for (std::size_t q = 0; q < quantities_; ++q) {
      const double other = all_[q] - sum_[q];
      const double difference = sum_[q] / n - other / m;
      // What is left of sums of squares by rounding is nothing.
      const double nothing = kNoSpread * all_squares_[q];
      const auto spread = [&](double squares, double sum, double size) {
        const double left = squares - sum * sum / size;
        return left > nothing ? left / (size * (size - 1)) : 0.0;
      };
      const double error = spread(squares_[q], sum_[q], n) + spread(all_squares_[q] - squares_[q], other, m);
      const double square = difference * difference;
      result[q] =
          error > 0 ? square / error : (square > nothing ? std::numeric_limits<double>::infinity() : 0.0);
    }
    return result;
  }
  void count() {
    const auto now = statistics();
    for (std::size_t q = 0; q < quantities_; ++q) as_extreme_[q] += now[q] >= reached_[q];
  }

  std::size_t quantities_, first_, units_;
  std::vector<double> values_;  // [unit][quantity], those of the first side first
  std::vector<double> sum_, squares_, all_, all_squares_, reached_;
  std::vector<std::int64_t> as_extreme_;
  std::vector<bool> chosen_;
};

// n over k, or more than kMostEnumerated.
std::int64_t choose(std::int64_t n, std::int64_t k) {
  std::int64_t result = 1;
  for (std::int64_t i = 1; i <= std::min(k, n - k); ++i) {
    result = result * (n - i + 1) / i;
    if (result > kMostEnumerated) return kMostEnumerated + 1;
  }
  return result;
}

}  // namespace

PermutationTest paired_test(const Units& side, const Units& against, int permutations) {
  Flips flips(side, against);
  const std::size_t units = side.size();
  PermutationTest test;
  test.exact = units < 63 && std::int64_t{1} << units <= kMostEnumerated;
  if (test.exact) {
    flips.try_all();
    test.arrangements = std::int64_t{1} << (units - 1);  // mirror images are as extreme
    test.smallest_p = 1 / static_cast<double>(test.arrangements);
  } else {
    flips.try_random(permutations);
    test.arrangements = permutations;
    test.smallest_p = 1 / (1 + static_cast<double>(permutations));
  }
  set_p_values(test, flips.as_extreme(), finite_everywhere(side, against));
  if (test.exact) test.arrangements *= 2;
  return test;
}

PermutationTest two_sample_test(const Units& side, const Units& against, int permutations) {
  Exchanges exchanges(side, against);
  const auto n = static_cast<std::int64_t>(side.size()), m = static_cast<std::int64_t>(against.size());
  const std::int64_t all = choose(n + m, n);
  PermutationTest test;
  test.exact = all <= kMostEnumerated;
  test.arrangements = test.exact ? all : permutations;
  if (test.exact) {
    exchanges.try_all();
    // Of sides alike in size, each arrangement has a mirror image that is as extreme.
    test.smallest_p = (n == m ? 2.0 : 1.0) / static_cast<double>(all);
  } else {
    exchanges.try_random(permutations);
    test.smallest_p = 1 / (1 + static_cast<double>(permutations));
  }
  set_p_values(test, exchanges.as_extreme(), finite_everywhere(side, against));
  return test;
}

std::vector<double> holm(std::span<const double> p) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p.size(); ++i)
    if (!std::isnan(p[i])) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> adjusted(p.size(), kNan);
  double largest = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    largest = std::max(largest, static_cast<double>(order.size() - rank) * p[order[rank]]);
    adjusted[order[rank]] = std::min(1.0, largest);
  }
  return adjusted;
}

}  // namespace hooke::analysis
