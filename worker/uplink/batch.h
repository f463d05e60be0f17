// The records of a spool that go out in one message. Functions of their arguments.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hooke/v1/worker.pb.h"
#include "worker/spool/spool.h"

namespace hooke::uplink {

struct Batch {
  v1::RecordBatch records;
  spool::Position end;                    // of the last of them
  std::vector<spool::Position> barriers;  // their ends
  std::optional<v1::End> last;            // the trainer's last record, when it is among them
};

// Reads on to where sending goes on: after record `committed`, from the end of an earlier barrier if that is
// known. Throws hooke::Error (kDataLoss) when the spool does not have it.
void go_to(spool::Reader& reader, const std::optional<spool::Position>& barrier, std::uint64_t committed);

// What has been appended, at most a message of it; without records: nothing yet.
Batch next_batch(spool::Reader& reader);

}  // namespace hooke::uplink
