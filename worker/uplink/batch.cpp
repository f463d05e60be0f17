#include "worker/uplink/batch.h"

#include "proto/hooke/error.h"
#include "worker/uplink/translate.h"

namespace hooke::uplink {
namespace {

// A message stays well under gRPC's default limit of 4 MiB.
constexpr std::size_t kBatchBytes = 1 << 20;
constexpr int kBatchRecords = 1000;

}  // namespace

void go_to(spool::Reader& reader, const std::optional<spool::Position>& barrier, std::uint64_t committed) {
  if (barrier) reader.go_to(*barrier);
  if (!reader.skip_to(committed))
    throw Error(Code::kDataLoss, "the spool ends before record " + std::to_string(committed) +
                                     ", which the server has, or has lost what follows it");
}

Batch next_batch(spool::Reader& reader) {
  Batch batch;
  std::size_t bytes = 0;
  while (bytes < kBatchBytes && batch.records.records_size() < kBatchRecords) {
    const auto record = reader.next();
    if (!record) break;
    bytes += record->payload.size();
    v1::Record translated = to_protocol(*record);
    if (translated.has_end()) batch.last = translated.end();
    if (translated.has_barrier()) batch.barriers.push_back(reader.position());
    *batch.records.add_records() = std::move(translated);
  }
  batch.end = reader.position();
  return batch;
}

}  // namespace hooke::uplink
