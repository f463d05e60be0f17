// An axis: where a value stands on it, and its ticks at round numbers.
//
// Pure functions on values; any thread.
#pragma once

#include <string>
#include <vector>

namespace hooke::plots {

struct Tick {
  double at;
  std::string label;
};

struct Axis {
  double low = 0, high = 1;  // low < high
  bool log = false;
  std::vector<Tick> ticks;  // increasing, all within the axis; at least one
  std::string note;  // what the labels are to be multiplied by or added to, as "×10⁻⁵"; mostly empty

  // 0 at the low end, 1 at the high end. REQUIRES: finite, positive on a log axis.
  double position(double value) const;
};

struct AxisOptions {
  bool log = false;
  bool round_ends = false;  // from tick to tick
  bool whole = false;       // ticks at whole numbers only, large ones as 150k
  bool ascii = false;       // no superscripts
  int at_most = 6;          // ticks, about
};

// An axis that shows low to high, both finite, in either order or equal; positive where log.
Axis make_axis(double low, double high, const AxisOptions& options);

}  // namespace hooke::plots
