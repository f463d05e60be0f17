// When does a series change phase? Elastic phases change, inelastic ones have levelled off.
//
// Curves that have a transition (relaxation to a plateau, continuous piecewise linear, piecewise constant)
// compete with those that have none (constant, linear trend), each with independent and with AR(1) noise, by
// BIC and by a simulation test, so that autocorrelated noise alone makes no transition. Each segment is
// elastic when its slope is beyond doubt and comparable to the steepest one.
// Pure and deterministic: the simulations are seeded. Callable from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proto/hooke/ids.h"
#include "server/analysis/phase_models.h"

namespace hooke::analysis {

enum class Scale { kAuto, kLinear, kLog };
enum class Verdict { kTransition, kNoTransition, kUndecided };

struct PhaseOptions {
  Scale scale = Scale::kAuto;  // auto: log when every finite value is positive
  ModelSet models;             // that compete with constant and trend
  int max_knots = 2;           // and jumps; 0 to kMostKnots
  int min_segment = 4;         // fewest points of a segment
  double level = 0.05;         // of tests and intervals
  double elastic_slope = 0.1;  // slope of an elastic segment over the steepest one's, at least
  bool every_knot = false;     // a transition at every knot, not only between segments of different kinds
  // Simulated series for each test and for the intervals, at most kMostResamples; 0: no test, BIC alone
  // decides, and no intervals.
  int resamples = 399;
  std::uint64_t seed = 1;
};

// Throws hooke::Error (kInvalidArgument) for an option out of its range.
void check(const PhaseOptions& options);

inline constexpr int kMostKnots = 5;
inline constexpr int kMostResamples = 10'000;
inline constexpr std::size_t kFewestPoints = 8;
// Longer series are averaged over neighbours down to this many points.
inline constexpr std::size_t kMostPoints = 5000;

struct Segment {
  Step from = 0, to = 0;  // first and last step, included
  bool elastic = false;
  double slope = 0, slope_low = 0, slope_high = 0;  // per step, on the analysed scale
};

struct Transition {
  // A knot, the first point after a jump, or where the slope of a relaxation has fallen to elastic_slope of
  // its first one. The interval is NaN without resamples.
  double step = 0, low = 0, high = 0;
  std::optional<double> p_value;  // against the best model without it; absent when not tested
  double bic_gain = 0;            // BIC of that model minus BIC with it
};

struct ComparedModel {
  std::string name;
  double bic = 0, rss = 0;     // on the analysed scale
  std::vector<double> breaks;  // steps; of a relaxation, where it has levelled off
};

struct Phases {
  Scale scale = Scale::kLinear;  // never kAuto
  std::int64_t points = 0;       // used
  std::int64_t omitted = 0;      // NaN or infinite
  Verdict verdict = Verdict::kNoTransition;
  std::vector<Segment> segments;        // at least one
  std::vector<Transition> transitions;  // of verdict kTransition
  std::vector<ComparedModel> models;    // best first
  std::vector<Step> fitted_step;
  std::vector<double> fitted_value;  // on the series' own scale
  std::vector<std::string> remarks;
};

// A series that moves by less than 0.01 % of its values is constant: measured influence is of float32
// predictions, whose rounding drifts while a net trains.
//
// `sd` has a standard deviation for each value, or is empty: points then weigh the same. NaN and
// infinite values are left out and counted.
// REQUIRES: steps strictly increasing, as many values, as many sd or none.
// Throws hooke::Error: kFailedPrecondition with fewer than kFewestPoints usable points;
// kInvalidArgument for an option out of its range, and for Scale::kLog with a value that is not
// positive.
Phases find_phases(std::span<const Step> steps, std::span<const double> values, std::span<const double> sd,
                   const PhaseOptions& options);

}  // namespace hooke::analysis
