// Intervals of influence figures over probes, by the bootstrap on tables of raw pairs.
//
// Pairs that share a probe are not independent, so probes are drawn, not pairs: in a resample each
// class has one set of drawn probes, for its rows and for its columns (the pigeonhole bootstrap: Owen,
// Annals of Applied Statistics 1, 2007). A probe that is drawn twice makes no pair with its double, and
// pairs with x' = x keep their share of a cell, so that resamples are of the same figure. Percentiles
// are widened for few probes (Hesterberg, The American Statistician 69, 2015). Where the noise of
// single pairs outweighs the effects of probes, intervals are too wide, by up to the root of 3.
// Deterministic: the drawing is seeded. Pure, callable from any thread; the work is resamples times pairs.
#pragma once

#include <cstddef>
#include <span>

#include "server/analysis/influence.h"
#include "server/analysis/pairs.h"

namespace hooke::analysis {

// With fewer probes of each class there is no interval.
inline constexpr std::size_t kFewestProbes = 4;

struct BootstrapOptions {
  int resamples = 1000;
  double level = 0.95;
};

// Sets the intervals of `summary`, whose values are of the mean over `tables` (measurements of the
// same probes at several steps; at least one). A figure that is not finite gets none.
void bootstrap_over_probes(std::span<const PairTable> tables, Plane plane, const BootstrapOptions& options,
                           Summary& summary);

}  // namespace hooke::analysis
