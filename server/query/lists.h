// ListExperiments and ListRuns: filter, order, pages. Functions on a snapshot; callable from any thread.
//
// A page token holds what it belongs to (which list, its filter and order), the time that "-24h" is
// counted from, and where the list goes on.
#pragma once

#include "hooke/v1/experiment.pb.h"
#include "server/storage/transaction.h"
#include "server/storage/types.h"

namespace hooke::query {

// Both throw hooke::Error: kInvalidArgument (filter, order_by, page_size, page_token), kNotFound (parent).
v1::ListExperimentsResponse list_experiments(storage::Snapshot& snapshot,
                                             const v1::ListExperimentsRequest& request, TimeUs now);
v1::ListRunsResponse list_runs(storage::Snapshot& snapshot, const v1::ListRunsRequest& request, TimeUs now);

}  // namespace hooke::query
