// The values behind a series key: stored scalars, entries of matrices, figures of matrices.
//
// Functions on a snapshot; callable from any thread.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "server/analysis/influence.h"
#include "server/analysis/series_key.h"
#include "server/storage/points.h"
#include "server/storage/runs.h"
#include "server/storage/series.h"

namespace hooke::query {

// A key with the stored series that it reads.
struct Source {
  storage::Series series;
  analysis::SeriesKey key;
  std::size_t responding = 0;  // class numbers, for an entry
  std::size_t updated = 0;     // and for selectivity
};

// Throws hooke::Error: kNotFound for a series or a class that the run does not have, saying what it
// has; kInvalidArgument for what is not a key, or does not fit the series.
Source resolve(storage::Snapshot& snapshot, const storage::Run& run, std::string_view key);

struct Values {
  std::vector<Step> step;
  std::vector<double> value;
  std::vector<double> sd;  // over the pairs, for an entry; else empty
};

// The first `limit` values of the range.
Values read_values(storage::Snapshot& snapshot, const Source& source, storage::StepRange range = {},
                   std::size_t limit = storage::kNoLimit);

// The last value of the range, if there is one.
Values read_last_value(storage::Snapshot& snapshot, const Source& source, storage::StepRange range);

// Calls `each` for every measurement of a matrix series in the range, a bounded number of them in memory.
void for_each_measurement(storage::Snapshot& snapshot, const storage::Series& series,
                          storage::StepRange range, std::size_t limit,
                          const std::function<void(Step, const analysis::Cells&)>& each);

// Keys of the stored series, for errors: "a, b, c and 12 more".
std::string list_of(const std::vector<std::string>& names);

}  // namespace hooke::query
