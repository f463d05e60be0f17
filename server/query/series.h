// ListSeries and GetSeries. Functions on a snapshot; callable from any thread.
#pragma once

#include "hooke/v1/query.pb.h"
#include "server/storage/series.h"
#include "server/storage/transaction.h"

namespace hooke::query {

// Bounds of one answer, so that it stays below the limit of a message.
inline constexpr int kMostKeys = 100;
inline constexpr int kMostPointsPerAnswer = 100'000;

v1::SeriesInfo series_info(const storage::Series& series);

v1::ListSeriesResponse list_series(storage::Snapshot& snapshot, const v1::ListSeriesRequest& request);

// Of an experiment, means over its runs; those that lack a key are left out, unless all do.
// Throws hooke::Error: kNotFound (run, experiment, series, class), kInvalidArgument (keys, range, points,
// page_token).
v1::GetSeriesResponse get_series(storage::Snapshot& snapshot, const v1::GetSeriesRequest& request);

}  // namespace hooke::query
