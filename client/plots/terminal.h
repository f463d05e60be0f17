// A figure as lines of text: braille dots where the terminal has them, else letters.
//
// Pure functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "client/plots/figure.h"
#include "client/plots/heat_map.h"

namespace hooke::plots {

struct TerminalOptions {
  int columns = 80;  // at least kFewestColumns
  int rows = 24;     // for all of it, notes included; at least kFewestRows for axes and curves
  bool colour = false;
  bool ascii = false;  // where UTF-8 cannot be shown
};
inline constexpr int kFewestColumns = 30;
inline constexpr int kFewestRows = 8;

// No line is wider than the columns; there are as many as the rows, more where notes need them.
// Throws hooke::Error (kInvalidArgument) as extent_of().
std::vector<std::string> terminal_lines(const Figure& figure, const TerminalOptions& options);

// Cells of colour, or of shades without, with their figures where they have room.
std::vector<std::string> terminal_lines(const HeatMap& map, const TerminalOptions& options);

}  // namespace hooke::plots
