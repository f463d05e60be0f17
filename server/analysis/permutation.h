// Exact and random permutation tests of many quantities at once, and Holm's correction.
//
// Pure functions, callable from any thread. Deterministic: random arrangements are seeded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace hooke::analysis {

// Values of several quantities for each unit (a run, or a probe): units are what a test arranges.
struct Units {
  std::size_t quantities = 0;
  std::vector<double> values;  // [unit][quantity]

  std::size_t size() const { return quantities == 0 ? 0 : values.size() / quantities; }
  std::span<const double> of(std::size_t unit) const {
    return {values.data() + unit * quantities, quantities};
  }
};

// All arrangements are tried where there are at most as many.
inline constexpr std::int64_t kMostEnumerated = 32'768;

struct PermutationTest {
  std::vector<double> p;  // of each quantity, of two sides; NaN where a unit's value is not finite
  std::int64_t arrangements = 0;
  bool exact = false;     // all arrangements; else random, with p = (1 + as extreme) / (1 + arrangements)
  double smallest_p = 1;  // that any data could have
};

// Whether the differences of paired units are symmetric about 0: signs of whole units are flipped (Fisher's
// randomisation test), the statistic is the mean difference. Exact in size for symmetric differences.
// REQUIRES: as many units on both sides, at least one; as many quantities; permutations >= 1.
PermutationTest paired_test(const Units& side, const Units& against, int permutations);

// Whether two samples of units have the same mean: whole units are exchanged between them, the statistic is
// Welch's t, so that the size is exact for samples that are alike and approximate where only their spreads
// differ (Chung and Romano, Annals of Statistics 41, 2013).
// REQUIRES: at least two units on each side, as many quantities; permutations >= 1.
PermutationTest two_sample_test(const Units& side, const Units& against, int permutations);

// p-values after Holm's step-down correction (Scandinavian Journal of Statistics 6, 1979). NaN stays NaN and
// does not count.
std::vector<double> holm(std::span<const double> p);

}  // namespace hooke::analysis
