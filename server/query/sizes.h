// GetUpdateSizes: S over the sizes of an update, with its limit for small ones. Callable from any thread.
#pragma once

#include "hooke/v1/query.pb.h"
#include "server/storage/readers.h"

namespace hooke::query {

// Runs that were not measured so are left out of an experiment's answer.
// Throws hooke::Error: kNotFound (parent, measure, step), saying what is there; kFailedPrecondition when
// no run was measured over update sizes, or when the runs have different classes or no step in common.
v1::GetUpdateSizesResponse get_update_sizes(storage::Readers& readers,
                                            const v1::GetUpdateSizesRequest& request);

}  // namespace hooke::query
