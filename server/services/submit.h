// A submit as the contract has it -> the runs to be queued. Pure functions, callable from any thread.
#pragma once

#include <string>

#include "hooke/v1/experiment.pb.h"
#include "server/scheduling/queue.h"

namespace hooke::services {

// Runs that one submit may make, and what keeps one request small.
inline constexpr std::size_t kMostRuns = 1000;
inline constexpr int kMostPairs = 64;
inline constexpr std::size_t kMostNameBytes = 100;

// One configuration times a sweep times seeds, completed and checked; in the order of the sweep (its
// first axis slowest), then of the seeds.
// Throws hooke::Error (kInvalidArgument, kUnimplemented) naming the field.
scheduling::SubmitRequest plan_submit(const v1::SubmitExperimentRequest& request, const std::string& caller);

// A name that is shown to others, which may be empty: how long, and no control characters. Throws
// kInvalidArgument for `field`.
void check_shown(const std::string& field, const std::string& name);

// Tags and labels: how many, how long, and no control characters. Throws kInvalidArgument for `field`.
void check_pairs(const char* field, const google::protobuf::Map<std::string, std::string>& pairs);

// What a submit of this plan would answer, without ids: nothing was stored.
v1::SubmitExperimentResponse preview(const scheduling::SubmitRequest& plan);

}  // namespace hooke::services
