// GetInfluence: which class influences which. Callable from any thread.
#pragma once

#include <string>

#include "hooke/v1/query.pb.h"
#include "server/analysis/series_key.h"
#include "server/storage/readers.h"

namespace hooke::analysis {
struct Estimate;
}

namespace hooke::query {

void fill(v1::Estimate& to, const analysis::Estimate& from);

// As answers call it: "mean" or "ratio_of_means".
std::string shown_name(analysis::Plane plane);

// Runs without measurements are left out of an experiment's answer.
// Throws hooke::Error: kNotFound for a measure, an update, a step or a phase that is not there, saying
// what is; kInvalidArgument for a contradictory request; kFailedPrecondition when nothing was measured
// yet, or when the runs have different classes.
v1::GetInfluenceResponse get_influence(storage::Readers& readers, const v1::GetInfluenceRequest& request);

}  // namespace hooke::query
