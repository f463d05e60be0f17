// What a figure shows, apart from how it is drawn: curves over training steps, and the phases of them.
//
// Plain values; any thread.
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace hooke::plots {

// One line. NaN and infinities are gaps.
struct Curve {
  std::string name;               // in the legend; empty: not there
  std::vector<double> x, y;       // x increases; y parallel to it
  std::vector<double> low, high;  // ends of a band, parallel to x; empty: none; NaN: none there
  bool is_fit = false;            // a thin line over the data, in the ink of the axes unless coloured
  std::optional<std::size_t> colour, dash;  // numbers in the palette; default: one after the other
};

// A stretch of steps, ends included.
struct Phase {
  double from = 0;
  double to = 0;
  bool elastic = false;
};

// Where one phase ends. NaN as `low` and `high`: no interval.
struct Transition {
  double at = 0;
  double low = std::numeric_limits<double>::quiet_NaN();
  double high = std::numeric_limits<double>::quiet_NaN();
};

// The phases of one series of one run.
struct Lane {
  std::string name;
  std::vector<Phase> phases;
  std::vector<Transition> transitions;
};

enum class Scale { kAuto, kLinear, kLog };
// Positive values that differ by more than this factor are told apart on a log scale only.
constexpr double kLogSpan = 1000;

struct Figure {
  std::string title;
  std::string x_title = "training step";
  std::string y_title;  // with its unit
  std::vector<Curve> curves;
  std::vector<Lane> lanes;              // below the curves; one alone shades them too
  std::vector<Transition> transitions;  // that several runs have in common
  Scale scale = Scale::kAuto;           // kAuto: log where every value is positive and they span 1 to 1000
  bool zero_line = false;               // of signed figures: where it is 0
  std::vector<std::string> notes;       // below it, a line each
};

// Neighbouring points that are all finite: [first, last) of a curve.
struct Stretch {
  std::size_t first, last;
};
std::vector<Stretch> stretches(const Curve& curve);

// "train/loss: 3 of 50 values are not finite (2 nan, 1 inf), the first at step 7", for each curve that has
// such values.
std::vector<std::string> gap_notes(const Figure& figure);

// The range of the values, bands included, and whether it is drawn on a log scale.
struct Extent {
  double x_low = 0, x_high = 1;
  double y_low = 0, y_high = 1;
  bool log = false;
  bool empty = true;  // no finite value at all; the rest is as above
};
// Throws hooke::Error (kInvalidArgument) where a log scale is asked for and a value is not positive.
Extent extent_of(const Figure& figure);

// `value` kept within the extent's y, that a band may leave.
double clamp_y(const Extent& extent, double value);

}  // namespace hooke::plots
