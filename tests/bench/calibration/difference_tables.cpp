// Size and power of the tests of GetInfluenceDifference, on made tables of pairs and made runs.
#include <cmath>
#include <cstdio>
#include <mutex>
#include <random>

#include "server/analysis/differences.h"
#include "tests/bench/calibration/calibration.h"

namespace hooke::bench {
namespace {

using analysis::PairTable;
using analysis::Plane;
using analysis::Units;

constexpr double kAlpha = 0.05;
constexpr std::size_t kClasses = 3;
constexpr std::size_t kCells = kClasses * kClasses;
// The cells that the tables show: one of two classes, and one of a class itself.
constexpr std::size_t kOther = 1, kOwn = 0;
constexpr std::size_t kDominance = kCells, kSelectivity = kCells + 2;
// The mean of S of each cell: an asymmetric matrix with a dominant diagonal.
constexpr double kMeans[kCells] = {1, 0.5, 0.4, 0.3, 1, 0.6, 0.2, 0.4, 1};
// Of the size of a shift: the spread of probes' effects.
constexpr double kSpread = 0.2;

// Standard deviations of what changes, from one window to the other, in S of a pair: with the responding
// probe, with the updated probe, with the pair alone.
struct Change {
  const char* name;
  double responding, updated, pair;
  bool skewed = false;  // effects are exponential instead of normal
};

constexpr Change kChanges[] = {{"of responding probes", kSpread, 0, 0},
                               {"of updated probes", 0, kSpread, 0},
                               {"of both", kSpread, kSpread, 0},
                               {"of both, skewed", kSpread, kSpread, 0, true},
                               {"of both and of pairs", kSpread, kSpread, 2 * kSpread},
                               {"of pairs alone", 0, 0, kSpread}};

// S of a pair = the cell's mean + effects (the same at both windows, as large as those that change) + what
// changes; own pairs are 1. `shift` is added in the cell kOther.
class Maker {
 public:
  Maker(const Change& change, std::size_t per_class, std::mt19937_64& random)
      : change_(change), random_(random), m_(kClasses * per_class), steady_(draw(m_ * m_, 1)) {
    const auto rows = draw(m_, 1), columns = draw(m_, 1);
    for (std::size_t at = 0; at < steady_.size(); ++at)
      steady_[at] = kSpread * (steady_[at] + rows[at / m_] + columns[at % m_]);
  }

  PairTable window(double shift) {
    PairTable table{kClasses, m_ / kClasses, true, {}, std::vector<float>(m_, 1)};
    const auto rows = draw(m_, change_.responding), columns = draw(m_, change_.updated);
    const auto pairs = draw(m_ * m_, change_.pair);
    const std::size_t p = table.per_class;
    for (std::size_t i = 0; i < m_; ++i) {
      for (std::size_t j = 0; j < m_; ++j) {
        const std::size_t cell = i / p * kClasses + j / p;
        const double mean = kMeans[cell] + (cell == kOther ? shift : 0);
        const std::size_t at = i * m_ + j;
        table.numerators.push_back(
            i == j ? 1 : static_cast<float>(mean + steady_[at] + rows[i] + columns[j] + pairs[at]));
      }
    }
    return table;
  }

 private:
  std::vector<double> draw(std::size_t count, double spread) {
    std::vector<double> values(count);
    for (double& value : values)
      value = spread * (change_.skewed ? std::exponential_distribution<double>()(random_) - 1
                                       : std::normal_distribution<double>()(random_));
    return values;
  }

  Change change_;
  std::mt19937_64& random_;
  std::size_t m_;
  std::vector<double> steady_;
};

// What a test that flips the signs of whole columns of a cell would say: it takes updated probes for
// independent, though they share the responding ones.
double columns_alone(const PairTable& one, const PairTable& other, int permutations) {
  const std::size_t p = one.per_class, m = one.probes();
  Units with{1, std::vector<double>(p, 0.0)}, without = with;
  for (std::size_t i = 0; i < p; ++i) {
    for (std::size_t j = 0; j < p; ++j) {
      const std::size_t at = (kOther / kClasses * p + i) * m + kOther % kClasses * p + j;
      with.values[j] += one.numerators[at];
      without.values[j] += other.numerators[at];
    }
  }
  return analysis::paired_test(with, without, permutations).p[0];
}

struct Counts {
  int other = 0, own = 0, any = 0, dominance = 0, selectivity = 0, columns = 0, power = 0, power_holm = 0;
};

bool any_below(std::span<const double> p) {
  for (const double one : analysis::holm(p))
    if (one <= kAlpha) return true;
  return false;
}

Counts count(const Options& options, int row, const Change& change, std::size_t per_class, bool paired) {
  Counts counts;
  std::mutex mutex;
  in_parallel(options.cases, options.threads, [&](int number) {
    auto random = random_of(options, row, number);
    Maker maker(change, per_class, random), stranger(change, per_class, random);
    const auto test = [&](const PairTable& one, const PairTable& other) {
      const auto a = analysis::units_of_probes({&one, 1}, Plane::kMean);
      const auto b = analysis::units_of_probes({&other, 1}, Plane::kMean);
      return paired ? analysis::paired_test(a, b, options.resamples).p
                    : analysis::two_sample_test(a, b, options.resamples).p;
    };
    const PairTable before = maker.window(0), same = (paired ? maker : stranger).window(0),
                    shifted = (paired ? maker : stranger).window(kSpread);
    const auto null = test(same, before), moved = test(shifted, before);
    const std::lock_guard lock(mutex);
    counts.other += null[kOther] <= kAlpha;
    counts.own += null[kOwn] <= kAlpha;
    counts.any += any_below(std::span(null).first(kCells));
    counts.dominance += null[kDominance] <= kAlpha;
    counts.selectivity += null[kSelectivity] <= kAlpha;
    counts.columns += paired && columns_alone(same, before, options.resamples) <= kAlpha;
    counts.power += moved[kOther] <= kAlpha;
    counts.power_holm += analysis::holm(std::span(moved).first(kCells))[kOther] <= kAlpha;
  });
  return counts;
}

void over_probes(const Options& options, bool paired) {
  std::printf(
      "\n%s\n\n| what changes | probes of a class | cell of two classes, %% | own class, %% | any cell after "
      "Holm, %% | dominance, %% | selectivity, %% |%s found, %% | found after Holm, %% "
      "|\n|---|---|---|---|---|---|---|"
      "%s---|---|\n",
      paired ? "Two windows of one run, the same probes" : "Two runs with probes of their own",
      paired ? " columns alone, % |" : "", paired ? "---|" : "");
  int row = paired ? 4000 : 5000;
  for (const Change& change : kChanges) {
    for (const std::size_t per_class : {5U, 10U, 20U, 40U}) {
      const Counts counts = count(options, row++, change, per_class, paired);
      const auto share = [&](int part) { return 100.0 * part / options.cases; };
      std::printf("| %s | %zu | %.1f | %.1f | %.1f | %.1f | %.1f |", change.name, per_class,
                  share(counts.other), share(counts.own), share(counts.any), share(counts.dominance),
                  share(counts.selectivity));
      if (paired) std::printf(" %.1f |", share(counts.columns));
      std::printf(" %.1f | %.1f |\n", share(counts.power), share(counts.power_holm));
      std::fflush(stdout);
    }
  }
}

// Runs: `first` with standard deviation 1 against `second` with `spread`.
struct Seeds {
  std::size_t first, second;
  double spread;
  bool paired = false;
};

void over_runs(const Options& options) {
  std::printf(
      "\nRuns: one figure of each\n\n| runs | spreads | smallest p | false alarms, %% | a shift of 2 found, "
      "%% "
      "|\n|---|---|---|---|---|\n");
  int row = 6000;
  for (const Seeds& seeds : {Seeds{3, 3, 1},
                             {4, 4, 1},
                             {5, 5, 1},
                             {10, 10, 1},
                             {5, 5, 3},
                             {10, 10, 3},
                             {5, 15, 3},
                             {15, 5, 3},
                             {20, 60, 3},
                             {60, 20, 3},
                             {5, 5, 1, true},
                             {6, 6, 1, true},
                             {10, 10, 1, true},
                             {20, 20, 1, true}}) {
    int alarms = 0, found = 0;
    double smallest = 0;
    std::mutex mutex;
    in_parallel(options.cases, options.threads, [&](int number) {
      auto random = random_of(options, row, number);
      std::normal_distribution<double> normal;
      Units one{1, {}}, other{1, {}};
      for (std::size_t i = 0; i < seeds.first; ++i) one.values.push_back(normal(random));
      for (std::size_t i = 0; i < seeds.second; ++i) other.values.push_back(seeds.spread * normal(random));
      const auto test = [&] {
        return seeds.paired ? analysis::paired_test(one, other, options.resamples)
                            : analysis::two_sample_test(one, other, options.resamples);
      };
      const auto null = test();
      for (double& value : one.values) value += 2;
      const double moved = test().p[0];
      const std::lock_guard lock(mutex);
      smallest = null.smallest_p;
      alarms += null.p[0] <= kAlpha;
      found += moved <= kAlpha;
    });
    std::printf("| %zu %s %zu | 1, %g | %.4f | %.1f | %.1f |\n", seeds.first,
                seeds.paired ? "paired with" : "against", seeds.second, seeds.spread, smallest,
                100.0 * alarms / options.cases, 100.0 * found / options.cases);
    ++row;
  }
}

}  // namespace

void differences(const Options& options) {
  over_probes(options, true);
  over_probes(options, false);
  over_runs(options);
}

}  // namespace hooke::bench
