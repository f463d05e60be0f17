// The points of a curve that a drawing needs: the extremes of each stretch, first and last, from the
// levels that storage keeps, so that the cost does not grow with the length of the series.
//
// Functions on a snapshot; callable from any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "server/query/values.h"

namespace hooke::query {

// At most about `points` real points of the range (not fewer than the four of analysis::downsample), all of
// them where there are no more.
Values read_drawing(storage::Snapshot& snapshot, const Source& source, storage::StepRange range,
                    std::size_t points);

// How many values the range has.
std::int64_t count_values(storage::Snapshot& snapshot, const Source& source, storage::StepRange range);

}  // namespace hooke::query
