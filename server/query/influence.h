// GetInfluence: which class influences which. Callable from any thread.
#pragma once

#include "hooke/v1/query.pb.h"
#include "server/storage/readers.h"

namespace hooke::analysis {
struct Estimate;
}

namespace hooke::query {

void fill(v1::Estimate& to, const analysis::Estimate& from);

// Runs without measurements are left out of an experiment's answer.
// Throws hooke::Error: kNotFound for a measure, an update, a step or a phase that is not there, saying
// what is; kInvalidArgument for a contradictory request; kFailedPrecondition when nothing was measured
// yet, or when the runs have different classes.
v1::GetInfluenceResponse get_influence(storage::Readers& readers, const v1::GetInfluenceRequest& request);

}  // namespace hooke::query
