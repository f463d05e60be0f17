#include "server/analysis/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "server/analysis/statistics.h"

namespace hooke::analysis {
namespace {

constexpr std::uint64_t kResamplingSeed = 20220101;
// Of the resamples, at least this share must have the figure for it to have an interval.
constexpr double kLeastDefined = 0.8;
// Resamples that are worked on together: what they need stays in the cache.
constexpr std::size_t kTogether = 256;

using Samples = std::vector<double>;  // one number for each resample

// How often each probe is drawn: [probe][resample].
class Draws {
 public:
  Draws(std::size_t classes, std::size_t per_class, std::size_t resamples)
      : resamples_(resamples), times_(classes * per_class * resamples, 0.0) {
    std::mt19937_64 random(kResamplingSeed);
    std::uniform_int_distribution<std::size_t> probe(0, per_class - 1);
    for (std::size_t c = 0; c < classes; ++c)
      for (std::size_t b = 0; b < resamples; ++b)
        for (std::size_t p = 0; p < per_class; ++p)
          times_[(c * per_class + probe(random)) * resamples + b] += 1;
  }

  std::size_t resamples() const { return resamples_; }
  const double* of(std::size_t probe) const { return times_.data() + probe * resamples_; }

 private:
  std::size_t resamples_;
  std::vector<double> times_;
};

// What stands above and below the line of one cell, pair by pair: [responding][updated] of the cell.
struct Block {
  std::vector<double> above, below;
  bool below_by_column = true;  // the same for every responding probe
};

Block block_of(const PairTable& table, Plane plane, std::size_t responding, std::size_t updated) {
  const std::size_t p = table.per_class, m = table.probes();
  Block block{std::vector<double>(p * p), std::vector<double>(p * p)};
  for (std::size_t i = 0; i < p; ++i) {
    for (std::size_t j = 0; j < p; ++j) {
      const std::size_t row = responding * p + i, column = updated * p + j;
      const float above = table.numerators[row * m + column], below = table.denominator(row, column);
      const std::size_t at = i * p + j;
      if (plane == Plane::kRatioOfMeans) {
        block.above[at] = above;
        block.below[at] = below;
      } else if (const auto s = ratio(above, below)) {
        block.above[at] = *s;
        block.below[at] = 1;
      }
      block.below_by_column = block.below_by_column && block.below[at] == block.below[j];
    }
  }
  return block;
}

// sum[b] += scale times the sum over i and j of rows[i][b] x[i][j] columns[j][b].
void add_products(const std::vector<double>& x, std::size_t p, const double* rows, const double* columns,
                  std::size_t resamples, Samples& sum) {
  double partial[kTogether];
  for (std::size_t first = 0; first < resamples; first += kTogether) {
    const std::size_t count = std::min(kTogether, resamples - first);
    for (std::size_t i = 0; i < p; ++i) {
      std::fill_n(partial, count, 0.0);
      std::size_t j = 0;
      for (; j + 4 <= p; j += 4) {
        const double *x4 = x.data() + i * p + j, *c = columns + j * resamples + first;
        const double *c1 = c + resamples, *c2 = c1 + resamples, *c3 = c2 + resamples;
        for (std::size_t b = 0; b < count; ++b)
          partial[b] += x4[0] * c[b] + x4[1] * c1[b] + x4[2] * c2[b] + x4[3] * c3[b];
      }
      for (; j < p; ++j) {
        const double* c = columns + j * resamples + first;
        for (std::size_t b = 0; b < count; ++b) partial[b] += x[i * p + j] * c[b];
      }
      const double* r = rows + i * resamples + first;
      for (std::size_t b = 0; b < count; ++b) sum[first + b] += r[b] * partial[b];
    }
  }
}

// Takes the diagonal out of a block, and returns it.
std::vector<double> take_diagonal(std::vector<double>& x, std::size_t p) {
  std::vector<double> diagonal(p);
  for (std::size_t i = 0; i < p; ++i) diagonal[i] = std::exchange(x[i * p + i], 0.0);
  return diagonal;
}

// The value of one cell in every resample; NaN where it has no pair.
Samples cell_samples(const PairTable& table, Plane plane, std::size_t responding, std::size_t updated,
                     const Draws& draws) {
  const std::size_t p = table.per_class, resamples = draws.resamples();
  const double *rows = draws.of(responding * p), *columns = draws.of(updated * p);
  Block block = block_of(table, plane, responding, updated);
  const std::vector<double> first_row(block.below.begin(),
                                      block.below.begin() + static_cast<std::ptrdiff_t>(p));
  const bool own = responding == updated;
  std::vector<double> own_above, own_below;
  if (own) {
    own_above = take_diagonal(block.above, p);
    own_below = take_diagonal(block.below, p);
  }
  Samples above(resamples, 0.0), below(resamples, 0.0), pairs(resamples, 0.0);
  add_products(block.above, p, rows, columns, resamples, above);
  if (!block.below_by_column) add_products(block.below, p, rows, columns, resamples, below);
  const auto count = static_cast<double>(p);
  for (std::size_t j = 0; j < p; ++j) {
    const double* times = columns + j * resamples;
    for (std::size_t b = 0; b < resamples; ++b) {
      // Rows that column j meets: all that were drawn, but for its own.
      const double met = own ? count - times[b] : count;
      pairs[b] += times[b] * met;
      if (block.below_by_column) below[b] += times[b] * met * first_row[j];
    }
  }
  if (own) {
    const double wanted = count * (count - 1);
    for (std::size_t b = 0; b < resamples; ++b) {
      const double scale = wanted / pairs[b];  // not finite when all draws are the same probe
      above[b] *= scale;
      below[b] *= scale;
    }
    for (std::size_t j = 0; table.self_pairs && j < p; ++j) {
      const double* times = columns + j * resamples;
      for (std::size_t b = 0; b < resamples; ++b) {
        above[b] += times[b] * own_above[j];
        below[b] += times[b] * own_below[j];
      }
    }
  }
  for (std::size_t b = 0; b < resamples; ++b) above[b] /= below[b];
  return above;
}

// The mean over tables; those in which the cell has no pair are left out.
Samples mean_samples(std::span<const PairTable> tables, Plane plane, std::size_t responding,
                     std::size_t updated, const Draws& draws) {
  if (tables.size() == 1) return cell_samples(tables[0], plane, responding, updated, draws);
  Samples sum(draws.resamples(), 0.0), used(draws.resamples(), 0.0);
  for (const PairTable& table : tables) {
    const Samples one = cell_samples(table, plane, responding, updated, draws);
    for (std::size_t b = 0; b < one.size(); ++b) {
      if (std::isnan(one[b])) continue;
      sum[b] += one[b];
      used[b] += 1;
    }
  }
  for (std::size_t b = 0; b < sum.size(); ++b) sum[b] /= used[b];
  return sum;
}

// Probability below the lower percentile: that of Student's t for the mean of n, on the bootstrap's
// narrower scale (its variance lacks the factor n / (n - 1)).
double tail_of(double level, std::size_t per_class) {
  const auto n = static_cast<double>(per_class);
  const double t = t_quantile(0.5 + level / 2, n - 1) * std::sqrt(n / (n - 1));
  return 0.5 * std::erfc(t / std::sqrt(2.0));
}

void set_interval(Estimate& estimate, Samples samples, double tail) {
  estimate.low = estimate.high = std::nullopt;
  const std::size_t drawn = samples.size();
  std::erase_if(samples, [](double v) { return !std::isfinite(v); });
  const double defined = static_cast<double>(samples.size()) / static_cast<double>(drawn);
  if (!std::isfinite(estimate.value) || defined < kLeastDefined) return;
  std::sort(samples.begin(), samples.end());
  estimate.low = sorted_quantile(samples, tail);
  estimate.high = sorted_quantile(samples, 1 - tail);
}

// Sums over the cells from which the figures of every resample follow, so that no resample's matrix
// need be kept.
struct FigureSums {
  FigureSums(std::size_t classes, std::size_t resamples)
      : on(resamples, 0.0),
        off(resamples, 0.0),
        difference(resamples, 0.0),
        norm(resamples, 0.0),
        column(classes, Samples(resamples, 0.0)),
        own(classes) {}

  Samples on, off;           // of the diagonal, of the rest
  Samples difference, norm;  // squares of A - A' and of A
  std::vector<Samples> column, own;

  void add(std::size_t responding, std::size_t updated, const Samples& cell) {
    Samples& sum = responding == updated ? on : off;
    for (std::size_t b = 0; b < cell.size(); ++b) {
      sum[b] += cell[b];
      column[updated][b] += cell[b];
      norm[b] += cell[b] * cell[b];
    }
    if (responding == updated) own[updated] = cell;
  }
  void add_difference(const Samples& one, const Samples& other) {
    for (std::size_t b = 0; b < one.size(); ++b)
      difference[b] += 2 * (one[b] - other[b]) * (one[b] - other[b]);
  }
};

void set_figures(const FigureSums& sums, double tail, Summary& summary) {
  const std::size_t resamples = sums.on.size();
  const auto k = static_cast<double>(sums.own.size());
  const double off_count = k * (k - 1);
  Samples own(resamples), others(resamples), dominance(resamples), ratio(resamples), asymmetry(resamples),
      selectivity(resamples);
  for (std::size_t b = 0; b < resamples; ++b) {
    own[b] = sums.on[b] / k;
    others[b] = sums.off[b] / off_count;
    dominance[b] = own[b] - others[b];
    ratio[b] = own[b] / others[b];
    asymmetry[b] = std::sqrt(sums.difference[b]) / std::sqrt(sums.norm[b]);
  }
  set_interval(summary.own, own, tail);
  set_interval(summary.others, others, tail);
  set_interval(summary.dominance, dominance, tail);
  set_interval(summary.dominance_ratio, ratio, tail);
  set_interval(summary.asymmetry, asymmetry, tail);
  for (std::size_t c = 0; c < sums.own.size(); ++c) {
    for (std::size_t b = 0; b < resamples; ++b) selectivity[b] = sums.own[c][b] / (sums.column[c][b] / k);
    set_interval(summary.selectivity[c], selectivity, tail);
  }
}

}  // namespace

void bootstrap_over_probes(std::span<const PairTable> tables, Plane plane, const BootstrapOptions& options,
                           Summary& summary) {
  const std::size_t classes = tables.front().classes, per_class = tables.front().per_class;
  if (per_class < kFewestProbes) return;
  const Draws draws(classes, per_class, static_cast<std::size_t>(options.resamples));
  const double tail = tail_of(options.level, per_class);
  FigureSums sums(classes, draws.resamples());
  for (std::size_t r = 0; r < classes; ++r) {
    for (std::size_t u = r; u < classes; ++u) {
      const Samples one = mean_samples(tables, plane, r, u, draws);
      sums.add(r, u, one);
      set_interval(summary.cells[r * classes + u], one, tail);
      if (r == u) continue;
      const Samples other = mean_samples(tables, plane, u, r, draws);
      sums.add(u, r, other);
      sums.add_difference(one, other);
      set_interval(summary.cells[u * classes + r], other, tail);
    }
  }
  set_figures(sums, tail, summary);
}

}  // namespace hooke::analysis
