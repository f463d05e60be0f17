#include "server/analysis/extremes.h"

#include <cmath>

namespace hooke::analysis {

void Extremes::add(std::int64_t step, double value) {
  if (std::isnan(value)) {
    if (nan_step == kNone) nan_step = step;
    return;
  }
  if (low_step == kNone || value < low) {
    low = value;
    low_step = step;
  }
  if (high_step == kNone || value > high) {
    high = value;
    high_step = step;
  }
}

void Extremes::add(const Extremes& later) {
  if (later.low_step != kNone) add(later.low_step, later.low);
  if (later.high_step != kNone) add(later.high_step, later.high);
  if (nan_step == kNone) nan_step = later.nan_step;
}

}  // namespace hooke::analysis
