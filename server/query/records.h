// What is stored of a run, value by value, for comparison with what its workers recorded.
#pragma once

#include <functional>
#include <string_view>

#include "hooke/v1/admin.pb.h"
#include "server/storage/readers.h"

namespace hooke::query {

// Sends the run's attempts, then its series by key, each by step: all that was stored when it was called,
// in messages of about 1 MiB at most (or one matrix, or one block of pairs). Takes a snapshot for each
// message, so that a long run or a slow reader holds none up. Callable from any thread. Throws hooke::Error:
// kNotFound, kInvalidArgument (not a run); kAborted when an attempt began meanwhile, which may have removed
// values; what `send` throws.
void read_records(storage::Readers& readers, std::string_view run,
                  const std::function<void(const v1::ReadRecordsResponse&)>& send);

}  // namespace hooke::query
