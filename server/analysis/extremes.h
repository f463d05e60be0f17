// The extremes of neighbouring values and where they stand: what a drawing of many points must show.
// Pure, callable from any thread.
#pragma once

#include <cstdint>

namespace hooke::analysis {

struct Extremes {
  static constexpr std::int64_t kNone = -1;  // no such step

  double low = 0, high = 0;  // infinities are the extremes that they are
  std::int64_t low_step = kNone, high_step = kNone;
  std::int64_t nan_step = kNone;  // the first NaN's, which is no extreme

  // Steps increase from call to call. Of equal values the first one stays.
  void add(std::int64_t step, double value);
  void add(const Extremes& later);

  bool operator==(const Extremes&) const = default;
};

}  // namespace hooke::analysis
