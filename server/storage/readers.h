// Readers: a bounded pool of read-only connections. They never wait for the writer.
//
// Owned by server/app; borrows Database. Thread-safe; a ReadSnapshot belongs to one thread at a time.
// A long snapshot keeps the WAL from shrinking, so its time is bounded.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

#include "server/storage/database.h"
#include "server/storage/transaction.h"

namespace hooke::storage {

struct ReadersOptions {
  // Snapshots at the same time.
  std::size_t max_snapshots = 16;
  // How long a call waits for a free one; then kUnavailable.
  std::chrono::milliseconds max_wait{10'000};
  // How long a snapshot may be used; reading after that throws kDeadlineExceeded.
  std::chrono::milliseconds max_age{30'000};
};

class Readers;

// One read transaction: everything read through it is of the same moment, that of its making.
class ReadSnapshot final : public Snapshot {
 public:
  ~ReadSnapshot();

 private:
  friend class Readers;
  ReadSnapshot(Readers& readers, std::unique_ptr<Connection> connection);
  Readers& readers_;
  std::unique_ptr<Connection> connection_;
};

class Readers {
 public:
  explicit Readers(const Database& database, ReadersOptions options = {});
  // REQUIRES: no snapshot is left.
  ~Readers();
  Readers(const Readers&) = delete;
  Readers& operator=(const Readers&) = delete;

  // Everything committed before the call is in it: `auto snapshot = readers.snapshot();`.
  ReadSnapshot snapshot();

  // Runs `work` while no connection is open: waits for the snapshots that there are, at most for twice
  // the age that they may have, and holds up new ones.
  void while_closed(const std::function<void()>& work);

 private:
  friend class ReadSnapshot;
  class Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace hooke::storage
