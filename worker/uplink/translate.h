// A spool's record as the protocol's.
#pragma once

#include "hooke/v1/worker.pb.h"
#include "worker/spool/record.h"

namespace hooke::uplink {

// Throws hooke::Error (kDataLoss) when the payload is not what its kind says.
v1::Record to_protocol(const spool::Record& record);

}  // namespace hooke::uplink
