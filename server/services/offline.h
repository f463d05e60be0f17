// A Lease for a segment of a run that was made without a server -> what the queue is asked. Pure
// functions, callable from any thread.
#pragma once

#include <string>

#include "hooke/v1/worker.pb.h"
#include "server/scheduling/queue.h"

namespace hooke::services {

// Checks the request. REQUIRES: it has `offline`.
// Throws hooke::Error (kInvalidArgument, kUnimplemented) naming the field.
scheduling::SegmentRequest plan_segment(const v1::LeaseRequest& request, const std::string& caller);

}  // namespace hooke::services
