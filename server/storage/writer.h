// Writer: the one thread that writes. Jobs from any thread are queued, run in the order of their
// arrival and committed in groups: one BEGIN IMMEDIATE … COMMIT for whatever has arrived, by number,
// bytes or milliseconds, whichever is first. Each job runs inside a savepoint.
//
// Owned by server/app; borrows Database and Changes. Thread-safe but for the destructor. Without a thread of
// its own (WriterOptions::thread) whoever owns it is that thread, and calls step().
//
// Invariants:
// 1. A job's completion is called once, on the writer's thread, and only after COMMIT has returned
//    (without an error) or after the job was rolled back (with one). So success means fsync.
// 2. A job that throws rolls back alone; the others of its group commit.
// 3. A failed COMMIT has an unknown outcome: the completions of its group get kUnavailable, every
//    connection is closed, the file is opened again, and callers find out by reading. After an I/O
//    error the whole WAL is first written once more (log_file.h) and moved into the database file: a
//    page of it whose fsync failed may count as written without being on disk, and nothing
//    acknowledged later may depend on it. When that fails, `fatal` is called and every later job is
//    refused.
// 4. Checkpoints run here, between commits, and nowhere else.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>

#include "server/storage/changes.h"
#include "server/storage/database.h"
#include "server/storage/transaction.h"

namespace hooke::storage {

struct WriterOptions {
  // False: nothing is written but by step() and run(), and a group is what is queued then.
  bool thread = true;
  // Of the queue. A job beyond either is refused with kUnavailable, at once: its caller tries
  // again later, as a worker does by opening its stream again.
  std::size_t max_queue_jobs = 65'536;
  std::size_t max_queue_bytes = 256u << 20;
  // Of one group.
  std::size_t max_group_jobs = 512;
  std::size_t max_group_bytes = 16u << 20;
  std::chrono::milliseconds max_delay{2};
  // WAL length from which a checkpoint is tried after a commit.
  std::int64_t checkpoint_bytes = 16 << 20;
  // Runs its argument while no reader has the file open. Default: runs it.
  std::function<void(const std::function<void()>& work)> without_readers;
  // Called once, on the writer's thread, when the database cannot be opened again. Default: logs.
  std::function<void(const std::string& message)> fatal;
};

// What the writer has done and has to do.
struct WriterStatistics {
  std::int64_t commits = 0;
  std::int64_t jobs = 0;
  std::int64_t queued_jobs = 0;
  double oldest_waiting_ms = 0;
};

// What became of work that nobody waits for: its result after the commit, or what it threw.
template <class Result>
using Then = std::function<void(const std::exception_ptr& error, std::optional<Result> result)>;

// Waits for the answer of `start(then)`: returns it, or throws the error.
// REQUIRES: not called on the writer's thread.
template <class Result, class Start>
Result wait(Start start) {
  std::promise<Result> answer;
  start(Then<Result>([&answer](const std::exception_ptr& error, std::optional<Result> result) {
    error ? answer.set_exception(error) : answer.set_value(std::move(*result));
  }));
  return answer.get_future().get();
}

class Writer {
 public:
  using Job = std::function<void(Transaction&)>;
  // Null after a commit, else what went wrong. Must not block or throw.
  using Done = std::function<void(std::exception_ptr)>;

  Writer(const Database& database, Changes& changes, WriterOptions options = {});
  // Stops: see stop().
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Queues a job. `bytes` is about what it will write. Never blocks.
  // Throws kUnavailable when the queue is full or the writer has stopped; `done` is not called then.
  void post(Job job, Done done, std::size_t bytes = 0);

  // Runs `work(Transaction&)`, waits for the commit and returns its result, or throws what it threw.
  // For unary calls. REQUIRES: not called on the writer's thread.
  template <class Work>
  auto run(Work work) -> std::invoke_result_t<Work&, Transaction&> {
    using Result = std::invoke_result_t<Work&, Transaction&>;
    auto committed = std::make_shared<std::promise<void>>();
    if constexpr (std::is_void_v<Result>) {
      post([&work](Transaction& transaction) { work(transaction); }, completion(committed));
      wait(*committed);
    } else {
      std::optional<Result> result;
      post([&work, &result](Transaction& transaction) { result.emplace(work(transaction)); },
           completion(committed));
      wait(*committed);
      return std::move(*result);
    }
  }

  // The same without waiting: `then` is called on the writer's thread, and must not block or throw.
  // Throws as post() does, and `then` is not called then.
  template <class Work, class Result>
  void run(Work work, Then<Result> then) {
    auto result = std::make_shared<std::optional<Result>>();
    post([work = std::move(work), result](Transaction& transaction) { result->emplace(work(transaction)); },
         [then = std::move(then), result](const std::exception_ptr& error) {
           then(error, error ? std::nullopt : std::move(*result));
         });
  }

  // Writes one group; false when nothing is queued. REQUIRES: a writer without a thread.
  bool step();

  // Finishes what is queued, refuses what comes after, truncates the WAL and ends the thread.
  void stop();

  WriterStatistics statistics() const;

 private:
  void wait(std::promise<void>& committed);
  static Done completion(const std::shared_ptr<std::promise<void>>& committed);
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hooke::storage
