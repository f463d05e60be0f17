// What is under way of one attempt's spool, and what an acknowledgement means. Bookkeeping alone: no threads,
// no network, no files.
//
// A connection begins with opened(); then sent() and acknowledged() follow each other as they come. The next
// connection begins with opened() again.
//
// Invariant: what is acknowledged never goes back; a server that says so has lost it (rewound()).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "proto/hooke/error.h"
#include "worker/spool/spool.h"
#include "worker/uplink/batch.h"

namespace hooke::uplink {

// Whether a server that ends a stream so refuses the attempt for good, rather than just now.
bool is_final(Code code);

class Ledger {
 public:
  // What may be under way without an acknowledgement.
  static constexpr std::uint64_t kWindowRecords = 20'000;

  // A connection is open; the server has the records up to `committed`. Throws hooke::Error (kDataLoss) when
  // that is less than it had acknowledged.
  void opened(std::uint64_t committed);
  // Where the spool is read on from, once it was found.
  void found(spool::Position start) { acknowledged_position_ = start; }
  // REQUIRES: the batches of a connection follow each other in the spool, from `committed` on.
  void sent(const Batch& batch);
  void acknowledged(std::uint64_t committed);

  bool has_room() const { return sent_ < acknowledged_ + kWindowRecords; }
  // Everything sent is acknowledged.
  bool is_settled() const { return acknowledged_ >= sent_; }

  // The number of the last acknowledged record, 0 before the first.
  std::uint64_t acknowledged() const { return acknowledged_; }
  // The end of the last acknowledged barrier in the spool; nullopt before the first.
  std::optional<spool::Position> acknowledged_barrier() const { return acknowledged_barrier_; }
  // What is acknowledged, to the last batch of which all is.
  spool::Position acknowledged_position() const { return acknowledged_position_; }
  // The trainer's last record, once it was sent.
  const std::optional<v1::End>& end() const { return end_; }
  bool rewound() const { return rewound_; }

 private:
  std::uint64_t sent_ = 0;  // on this connection
  std::uint64_t acknowledged_ = 0;
  std::deque<spool::Position> unacknowledged_barriers_;
  std::optional<spool::Position> acknowledged_barrier_;
  std::deque<spool::Position> unacknowledged_batches_;  // their ends
  spool::Position acknowledged_position_;
  std::optional<v1::End> end_;
  bool rewound_ = false;
};

}  // namespace hooke::uplink
