// Coverage of the intervals of matrix cells, by bootstrap over probes, on made tables of pairs.
#include <cmath>
#include <cstdio>
#include <mutex>
#include <random>

#include "server/analysis/bootstrap.h"
#include "server/analysis/pairs.h"
#include "tests/bench/calibration/calibration.h"

namespace hooke::bench {
namespace {

// S of a pair = mean + effect of the responding probe + effect of the updated probe + noise of the pair; own
// pairs are 1. Standard deviations.
struct Effects {
  const char* name;
  double responding, updated, pair;
};

constexpr double kMean = 0.5;

analysis::PairTable made_table(const Effects& effects, std::size_t per_class, bool self_pairs,
                               std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  analysis::PairTable table;
  table.classes = 2;
  table.per_class = per_class;
  table.self_pairs = self_pairs;
  const std::size_t m = table.probes();
  std::vector<double> row(m), column(m);
  for (double& value : row) value = effects.responding * normal(random);
  for (double& value : column) value = effects.updated * normal(random);
  table.denominators.assign(m, 1.0F);
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < m; ++j)
      table.numerators.push_back(
          i == j ? 1.0F : static_cast<float>(kMean + row[i] + column[j] + effects.pair * normal(random)));
  return table;
}

analysis::Summary bootstrapped(const analysis::PairTable& table) {
  const std::size_t p = table.per_class;
  analysis::Cells means{table.classes, {}};
  for (std::size_t r = 0; r < table.classes; ++r) {
    for (std::size_t u = 0; u < table.classes; ++u) {
      analysis::Cell cell;
      for (std::size_t i = 0; i < p; ++i)
        for (std::size_t j = 0; j < p; ++j) {
          if (r == u && i == j && !table.self_pairs) continue;
          cell.mean += table.numerators[(r * p + i) * table.probes() + u * p + j];
          ++cell.count;
        }
      cell.mean /= static_cast<double>(cell.count);
      means.cells.push_back(cell);
    }
  }
  analysis::Summary summary = analysis::summarise({&means, 1}, analysis::Plane::kMean);
  analysis::bootstrap_over_probes({&table, 1}, analysis::Plane::kMean, {}, summary);
  return summary;
}

}  // namespace

void cells(const Options& options) {
  std::printf(
      "| spread of S | probes of a class | cell of two classes, %% | own class without x' = x, %% | own "
      "class, %% |\n"
      "|---|---|---|---|---|\n");
  const Effects kinds[] = {{"of probes alone", 0.1, 0.2, 0},
                           {"of probes and pairs", 0.1, 0.2, 0.2},
                           {"of pairs alone", 0, 0, 0.2}};
  int row = 3000;
  for (const Effects& effects : kinds) {
    for (const std::size_t per_class : {5U, 10U, 20U, 40U}) {
      int other = 0, own = 0, own_with = 0;
      std::mutex mutex;
      in_parallel(options.cases, options.threads, [&](int number) {
        std::seed_seq seed{static_cast<int>(options.seed), row, number};
        std::mt19937_64 random(seed);
        const auto p = static_cast<double>(per_class);
        for (const bool self_pairs : {false, true}) {
          const auto table = made_table(effects, per_class, self_pairs, random);
          const analysis::Summary summary = bootstrapped(table);
          const double truth = self_pairs ? (kMean * (p - 1) + 1) / p : kMean;
          const auto& a = summary.cells[0];
          const auto& b = summary.cells[1];
          const std::lock_guard lock(mutex);
          (self_pairs ? own_with : own) += *a.low <= truth && truth <= *a.high;
          if (self_pairs) other += *b.low <= kMean && kMean <= *b.high;
        }
      });
      const auto share = [&](int part) { return 100.0 * part / options.cases; };
      std::printf("| %s | %zu | %.1f | %.1f | %.1f |\n", effects.name, per_class, share(other), share(own),
                  share(own_with));
      std::fflush(stdout);
      ++row;
    }
  }
}

}  // namespace hooke::bench
