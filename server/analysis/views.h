// The scalar views of a matrix, in a fixed order: every entry and every figure of both planes, that
// is, all that a series key can ask of it. Pure functions, callable from any thread.
#pragma once

#include <cstddef>
#include <vector>

#include "server/analysis/influence.h"
#include "server/analysis/series_key.h"

namespace hooke::analysis {

// For a matrix of `classes` by `classes`; 1 for a scalar, which has the one view 0.
std::size_t view_count(std::size_t classes);

// The view of a derived key. `responding`, `updated`: class numbers, where the figure has them.
std::size_t view_of(const SeriesKey& key, std::size_t classes, std::size_t responding, std::size_t updated);

// All of them.
std::vector<double> views(const Cells& cells);

}  // namespace hooke::analysis
