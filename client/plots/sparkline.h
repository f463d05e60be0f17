// A curve so small that it stands beside its name: blocks whose height is the value.
//
// A pure function; any thread.
#pragma once

#include <string>
#include <vector>

namespace hooke::plots {

// `rows` lines of `columns` characters, the upper one first. `y` over `x` (parallel, x increasing): each
// column shows the mean of the finite values in its share of the range of x, from the least of these means to
// the greatest; a column without values is like the one before it where steps were left out between two
// measurements, and empty where what was measured is not finite. Eighths of a block, without UTF-8 letters.
std::vector<std::string> sparkline(const std::vector<double>& x, const std::vector<double>& y, int columns,
                                   int rows, bool ascii);

}  // namespace hooke::plots
