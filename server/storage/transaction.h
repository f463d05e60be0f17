// Snapshot and Transaction: what the functions of the table families work on.
//
// A Snapshot is one consistent view of the database to read from; a Transaction is one that may
// also write. Both live on the stack of one call, belong to one thread and are never stored. A
// Snapshot comes from Readers, a Transaction from a Writer's job. Functions that read take a
// Snapshot&, so they work in both; what a job has written, its own reads see.
#pragma once

#include <vector>

#include "server/storage/changes.h"

namespace hooke::storage {

class Connection;

class Snapshot {
 public:
  explicit Snapshot(Connection& connection) : connection_(connection) {}
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  // For storage's own source files: server/storage/statement.h.
  Connection& connection() { return connection_; }

 protected:
  ~Snapshot() = default;

 private:
  Connection& connection_;
};

class Transaction final : public Snapshot {
 public:
  using Snapshot::Snapshot;

  // Tells the subscribers of Changes after the commit; forgotten when the job is rolled back.
  // The functions of storage that change a run call it themselves.
  void changed(const Change& change) { changes_.push_back(change); }
  const std::vector<Change>& changes() const { return changes_; }

  // What a job writes beyond the `bytes` it was posted with: counts for the size of its group.
  void add_bytes(std::size_t bytes) { bytes_ += bytes; }
  std::size_t bytes() const { return bytes_; }

  // A checkpoint is to follow the commit, however short the WAL is: the file has free pages at its end.
  void want_checkpoint() { wants_checkpoint_ = true; }
  bool wants_checkpoint() const { return wants_checkpoint_; }

 private:
  std::size_t bytes_ = 0;
  std::vector<Change> changes_;
  bool wants_checkpoint_ = false;
};

}  // namespace hooke::storage
