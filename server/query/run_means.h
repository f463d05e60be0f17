// The values of a series averaged over runs: of one experiment, or of those of one point of a sweep.
//
// A run counts from its first to its last step; a step that one of those runs lacks is left out, so that
// the curve does not swing between runs that were measured at different steps. `runs` says how many each
// mean is over, as one that has failed or still runs ends before the others.
// Functions on a snapshot; callable from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "server/query/values.h"

namespace hooke::query {

struct Means {
  Values values;  // sd: over runs, n - 1; NaN of one run
  std::vector<std::int32_t> runs;
  std::optional<Step> next;  // where it goes on, when there is more than was asked for
};

// The key in each run that has it. Throws as resolve(), for the first run, when none has.
std::vector<Source> resolve_in_runs(storage::Snapshot& snapshot, const std::vector<storage::Run>& runs,
                                    std::string_view key);

// The first means of the range, at most `limit`. REQUIRES: at least one source.
Means read_means(storage::Snapshot& snapshot, const std::vector<Source>& sources, storage::StepRange range,
                 std::size_t limit);

// At most about `points` means, where the runs' own curves need them; all where there are no more.
Means draw_means(storage::Snapshot& snapshot, const std::vector<Source>& sources, storage::StepRange range,
                 std::size_t points);

// How many values the run with the most has in the range.
std::int64_t count_means(storage::Snapshot& snapshot, const std::vector<Source>& sources,
                         storage::StepRange range);

}  // namespace hooke::query
