// Ingest: a worker's stream of records -> the writer. Order, duplicates, fencing.
//
// Owned by server/app; borrows the Writer. Never blocks: each call posts a job and answers by a
// callback on the writer's thread, so that a stream's reactor may call it. Thread-safe.
//
// A Stream belongs to one open RPC. Its cache (series and their last steps) is used on the writer's
// thread alone, and only while the attempt's last record in the database is the one it was left
// with: after a rollback, a failed commit or another stream of the same attempt it is read anew.
//
// Invariants:
// 1. `committed` follows the fsync of every record up to that number.
// 2. The last record number is stored in the transaction that stores the records.
// 3. A record that breaks the protocol stores nothing; the records before it are kept, and the run
//    fails with that reason in the same transaction.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>

#include "hooke/v1/worker.pb.h"
#include "server/storage/fence.h"
#include "server/storage/writer.h"

namespace hooke::ingest {

class Session;

// Shared by an Ingest and its streams, for a stream may end after it.
struct Counters {
  std::atomic<std::int64_t> records{0};  // committed since start
  std::atomic<std::int64_t> streams{0};  // open now
};

class Stream : public std::enable_shared_from_this<Stream> {
 public:
  // Called once, on the writer's thread; must not block or throw. `error` is null or a
  // hooke::Error (maybe storage::FencedError); `committed` is the last record on disk (without error).
  using Done = std::function<void(std::exception_ptr error, std::uint64_t committed)>;

  // Stores the records of a batch that are not stored yet. Batches are applied in the order of the
  // calls, one call at a time; those that wait for the writer share one job and one outcome. A caller
  // bounds what it has in flight, which is what bounds the memory of a stream.
  // Errors in `done`: storage::FencedError (stop the training; kProtocolBroken: a rule was broken and
  // the run has failed), kOutOfRange (records are missing before the batch: open again),
  // kUnavailable (outcome unknown: open again), kInvalidArgument (not a batch).
  // Throws kUnavailable when the writer's queue is full or stopped; `done` is not called then.
  void append(v1::RecordBatch batch, Done done);

  ~Stream();

 private:
  friend class Ingest;
  Stream(storage::Writer& writer, storage::Clock clock, storage::AttemptKey key,
         std::shared_ptr<Counters> counters);

  struct Call;
  void apply(storage::Transaction& transaction, Call& call);
  void complete(Call& call, std::exception_ptr error);

  storage::Writer& writer_;
  std::unique_ptr<Session> session_;
  const std::shared_ptr<Counters> counters_;
  bool open_ = false;  // counted
  std::mutex mutex_;
  std::shared_ptr<Call> waiting_;  // guarded by mutex_; its job has not begun
};

class Ingest {
 public:
  // Called once, as Stream::Done; `stream` is null with an error.
  using Opened =
      std::function<void(std::exception_ptr error, std::shared_ptr<Stream> stream, std::uint64_t committed)>;

  Ingest(storage::Writer& writer, storage::Clock clock);

  // Opens a stream of an attempt; says the last record on disk. Throws as append does.
  void open(storage::AttemptKey key, Opened opened);

  // Since start.
  std::int64_t records_committed() const { return counters_->records; }
  // Now.
  std::int64_t open_streams() const { return counters_->streams; }

 private:
  storage::Writer& writer_;
  const storage::Clock clock_;
  const std::shared_ptr<Counters> counters_ = std::make_shared<Counters>();
};

}  // namespace hooke::ingest
