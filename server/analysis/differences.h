// Which entries of an influence matrix differ between two sides: what a permutation test arranges, and what
// it says of every cell and figure.
//
// Pure functions, callable from any thread.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "server/analysis/influence.h"
#include "server/analysis/pairs.h"
#include "server/analysis/permutation.h"

namespace hooke::analysis {

// Quantities of a matrix, in this order: its cells, row-major; dominance; asymmetry; the selectivity of each
// updated class. The cells are one family for Holm's correction, the figures another.
std::size_t quantity_count(std::size_t classes);
// REQUIRES: matrix is `classes` by `classes`.
std::vector<double> quantities_of(std::span<const double> matrix, std::size_t classes);

// One unit for each run: its own quantities; NaN for a cell without a pair.
// REQUIRES: at least one run, all of one size.
Units units_of_runs(std::span<const Cells> runs, Plane plane);

// One unit for each probe number i, from 0: the i-th probe of every class. Its values are the jackknife's
// pseudo-values P·T - (P - 1)·T(i), T being a quantity of the mean over `tables` (steps of one run) and T(i)
// the same with the i-th probes taken out of rows and columns. Pairs of the i-th probe of one class with the
// i-th of another (or, in a cell of one class, with itself) keep their share of a cell. So the pseudo-values
// of a cell have the cell's mean as theirs, and where S is a mean plus an effect of x' plus an effect of x
// they are independent and exactly these effects, though x' and x stand in whole rows and columns. Noise of
// single pairs counts twice in their variance: a test over them then is conservative. Asymmetry is NaN: it is
// a norm of differences, so that its pseudo-values are no sum of effects where the matrix is nearly
// symmetric, and a test over them does not hold its level. REQUIRES: at least one table, all of the same
// probes; at least kFewestProbes of each class.
Units units_of_probes(std::span<const PairTable> tables, Plane plane);

struct Difference {
  double value = 0;       // of the one side
  double against = 0;     // of the other
  double difference = 0;  // value - against
  std::optional<double> p_value, p_holm;
};

// Every quantity of two sides: their own and, where there was a test, its p-values with Holm's correction
// within the family.
// REQUIRES: as many quantities everywhere.
std::vector<Difference> differences(std::span<const double> side, std::span<const double> against,
                                    std::size_t classes, const std::optional<PermutationTest>& test);

}  // namespace hooke::analysis
