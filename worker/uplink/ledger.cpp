#include "worker/uplink/ledger.h"

#include <algorithm>

namespace hooke::uplink {

bool is_final(Code code) {
  switch (code) {
    case Code::kFailedPrecondition:
    case Code::kInvalidArgument:
    case Code::kOutOfRange:
    case Code::kNotFound:
    case Code::kAlreadyExists:
    case Code::kUnimplemented:
      return true;
    default:
      return false;
  }
}

void Ledger::opened(std::uint64_t committed) {
  rewound_ = committed < acknowledged_;
  if (rewound_)
    throw Error(Code::kDataLoss, "the server had acknowledged record " + std::to_string(acknowledged_) +
                                     " and now has " + std::to_string(committed) +
                                     ": it was restored from a backup");
  acknowledged(committed);
  sent_ = committed;
  unacknowledged_barriers_.clear();  // they are read again
  unacknowledged_batches_.clear();
}

void Ledger::sent(const Batch& batch) {
  sent_ = batch.end.number;
  unacknowledged_barriers_.insert(unacknowledged_barriers_.end(), batch.barriers.begin(),
                                  batch.barriers.end());
  unacknowledged_batches_.push_back(batch.end);
  if (batch.last) end_ = batch.last;
}

void Ledger::acknowledged(std::uint64_t committed) {
  acknowledged_ = std::max(acknowledged_, committed);
  auto& barriers = unacknowledged_barriers_;
  for (; !barriers.empty() && barriers.front().number <= committed; barriers.pop_front())
    acknowledged_barrier_ = barriers.front();
  auto& batches = unacknowledged_batches_;
  for (; !batches.empty() && batches.front().number <= committed; batches.pop_front())
    acknowledged_position_ = batches.front();
}

}  // namespace hooke::uplink
