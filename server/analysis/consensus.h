// Which transitions, of several runs or of several series, are one and the same. Pure, callable from any
// thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace hooke::analysis {

// A transition of one of several runs or series.
struct Located {
  std::size_t member = 0;
  double step = 0, low = 0, high = 0;  // interval of confidence 1 - level
};

struct Agreement {
  double step = 0, low = 0, high = 0;
  double spread = 0;  // standard deviation between members, beyond what their intervals explain
  std::vector<std::size_t> members;  // increasing, each once
};

// Transitions whose intervals overlap, directly or by others in between, are one. Pooled with random effects
// between members (DerSimonian & Laird, Controlled Clinical Trials 7, 1986). In the order of steps; a
// transition that only one member has is one, too. Those without an interval (NaN) are left out.
std::vector<Agreement> agreements(std::span<const Located> transitions, double level);

}  // namespace hooke::analysis
