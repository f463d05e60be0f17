// Piecewise constant fits with independent noise, exact over all points by dynamic programming (Auger &
// Lawrence, Bulletin of Mathematical Biology 51, 1989). Pure, callable from any thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "server/analysis/sample.h"

namespace hooke::analysis {

// For 1, 2, ... `most` jumps the places of the best ones, as x of the first point of each new segment; fewer
// where there are too few points. `fewest` is the smallest number of points of a segment.
// Time: the square of the number of points, for each jump beyond the first.
std::vector<std::vector<double>> best_jumps(const Sample& sample, std::span<const double> y, std::size_t most,
                                            std::size_t fewest);

}  // namespace hooke::analysis
