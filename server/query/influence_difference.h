// GetInfluenceDifference: which entries of an influence matrix differ. Callable from any thread.
#pragma once

#include "hooke/v1/query.pb.h"
#include "server/storage/readers.h"

namespace hooke::query {

// Reads in one snapshot, then computes without it. Which test there is follows from the sides: see
// v1::DifferenceTest. Throws hooke::Error as get_influence, with the side in the field ("against.step"), and
// kInvalidArgument for sides that are the same or of different measures; kFailedPrecondition for sides of
// different classes.
v1::GetInfluenceDifferenceResponse get_influence_difference(storage::Readers& readers,
                                                            const v1::GetInfluenceDifferenceRequest& request);

}  // namespace hooke::query
