// A table of raw pairs as it is recorded: float32, rows responding, columns updated. Pure functions.
#pragma once

#include <cstddef>
#include <vector>

#include "worker/training/recorder.h"

namespace hooke::trainer {

// Rows `first` to `first + rows` of a table of m probes.
struct PairRows {
  std::vector<float> numerators;    // [rows][m]: what stands above the line of S(x', x)
  std::vector<float> denominators;  // below it: [m], of each updated probe, or [rows][m]
};

// Rounds so that what says how a pair counts survives: 0 stays 0, nothing else becomes 0, and what is
// finite stays finite.
float stored(double value);

PairRows pair_rows(const engine::Pairs& pairs, std::size_t probes, std::size_t first, std::size_t rows);

}  // namespace hooke::trainer
