// CompareRuns: runs side by side. Functions on a snapshot; callable from any thread.
#pragma once

#include "hooke/v1/query.pb.h"
#include "server/storage/transaction.h"

namespace hooke::query {

inline constexpr int kFewestCompared = 2;
inline constexpr int kMostCompared = 8;
// Rows of latest values in one answer.
inline constexpr std::size_t kMostLatestRows = 2000;

// Throws hooke::Error: kInvalidArgument (number of runs, one given twice, keys, points), kNotFound (a
// run; a series that none of them has).
v1::CompareRunsResponse compare_runs(storage::Snapshot& snapshot, const v1::CompareRunsRequest& request);

}  // namespace hooke::query
