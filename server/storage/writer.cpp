#include "server/storage/writer.h"

#include <SQLiteCpp/Exception.h>
#include <absl/base/thread_annotations.h>
#include <spdlog/spdlog.h>
#include <sqlite3.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "server/storage/connection.h"
#include "server/storage/log_file.h"

namespace hooke::storage {
namespace {

using SteadyClock = std::chrono::steady_clock;

struct Item {
  Writer::Job job;
  Writer::Done done;
  std::size_t bytes = 0;
  SteadyClock::time_point arrived;
  std::exception_ptr error;
};

std::exception_ptr unavailable(const std::string& message) {
  return std::make_exception_ptr(Error(Code::kUnavailable, message));
}

}  // namespace

// Lock order: mutex_ alone; it is never held while a job, a completion or SQLite runs.
class Writer::Impl {
 public:
  Impl(const Database& database, Changes& changes, WriterOptions options)
      : database_(database), changes_(changes), options_(std::move(options)) {
    open();
    if (options_.thread) thread_ = std::thread([this] { loop(); });
  }

  void post(Job job, Done done, std::size_t bytes);
  bool has_thread() const { return options_.thread; }
  bool step();
  void stop();
  WriterStatistics statistics();

 private:
  // The queue.
  std::optional<Item> next();
  std::optional<Item> next_before(SteadyClock::time_point deadline);
  Item pop() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // The thread.
  void loop();
  void write(Item first);
  void close();
  void run_group(Item first);
  std::size_t run_job(Item& item);
  void finish_group(bool lost, const std::string& why);
  void open();
  void reopen(const SQLite::Exception& why);
  void checkpoint();

  const Database& database_;
  Changes& changes_;
  const WriterOptions options_;

  // Of the thread alone.
  std::unique_ptr<Connection> connection_;
  std::vector<Item> group_;
  std::vector<Change> group_changes_;
  std::int64_t page_bytes_ = 4096;
  std::int64_t checkpoint_at_bytes_ = 0;
  std::int64_t last_wal_bytes_ = 0;
  bool checkpoint_wanted_ = false;
  bool full_ = false;  // the disk, as of the last commit

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Item> queue_ ABSL_GUARDED_BY(mutex_);
  std::size_t queue_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
  WriterStatistics statistics_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

void Writer::Impl::post(Job job, Done done, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  if (stopping_ || broken_) throw Error(Code::kUnavailable, "the server is stopping; try again");
  if (queue_.size() >= options_.max_queue_jobs ||
      (!queue_.empty() && queue_bytes_ + bytes > options_.max_queue_bytes))
    throw Error(Code::kUnavailable, "the server has too much to write; try again");
  queue_.push_back({std::move(job), std::move(done), bytes, SteadyClock::now(), nullptr});
  queue_bytes_ += bytes;
  if (queue_.size() == 1) arrived_.notify_one();
}

Item Writer::Impl::pop() {
  Item item = std::move(queue_.front());
  queue_.pop_front();
  queue_bytes_ -= item.bytes;
  return item;
}

// Absent: the writer stops and nothing is left.
std::optional<Item> Writer::Impl::next() {
  std::unique_lock lock(mutex_);
  arrived_.wait(lock, [this] { return !queue_.empty() || stopping_; });
  if (queue_.empty()) return std::nullopt;
  return pop();
}

std::optional<Item> Writer::Impl::next_before(SteadyClock::time_point deadline) {
  std::unique_lock lock(mutex_);
  if (options_.thread) arrived_.wait_until(lock, deadline, [this] { return !queue_.empty() || stopping_; });
  if (queue_.empty()) return std::nullopt;
  return pop();
}

void Writer::Impl::loop() {
  while (auto item = next()) write(std::move(*item));
  close();
}

bool Writer::Impl::step() {
  auto item = next_before({});
  if (item) write(std::move(*item));
  return item.has_value();
}

void Writer::Impl::write(Item first) {
  if (connection_) return run_group(std::move(first));
  first.done(unavailable("the database cannot be opened"));
}

void Writer::Impl::close() {
  if (!connection_) return;
  try {
    connection_->checkpoint(true);
  } catch (const SQLite::Exception& error) {
    spdlog::warn("database: no checkpoint at the end: {}", error.what());
  }
  connection_.reset();
}

void Writer::Impl::run_group(Item first) {
  const auto deadline = SteadyClock::now() + options_.max_delay;
  std::size_t bytes = 0;
  std::optional<SQLite::Exception> lost;
  group_.push_back(std::move(first));
  try {
    connection_->exec("BEGIN IMMEDIATE");
    while (true) {
      bytes += group_.back().bytes + run_job(group_.back());
      if (group_.size() >= options_.max_group_jobs || bytes >= options_.max_group_bytes) break;
      auto item = next_before(deadline);
      if (!item) break;
      group_.push_back(std::move(*item));
    }
    connection_->exec("COMMIT");
  } catch (const SQLite::Exception& error) {
    lost = error;
  }
  // The connection first: completions may read what became of their work.
  if (lost) reopen(*lost);
  finish_group(lost.has_value(), lost ? lost->what() : "");
  if (lost) return;
  if (std::exchange(full_, false)) spdlog::info("database: there is room to write again");
  checkpoint();
}

// Runs one job in its savepoint; returns the bytes that it says it wrote beyond those of its item. Throws
// SQLite::Exception when the whole transaction is gone.
std::size_t Writer::Impl::run_job(Item& item) {
  Transaction transaction(*connection_);
  connection_->exec("SAVEPOINT job");
  try {
    item.job(transaction);
    connection_->exec("RELEASE job");
    group_changes_.insert(group_changes_.end(), transaction.changes().begin(), transaction.changes().end());
    checkpoint_wanted_ |= transaction.wants_checkpoint();
    return transaction.bytes();
  } catch (const SQLite::Exception& error) {
    item.error = std::make_exception_ptr(to_error(error));
  } catch (...) {
    item.error = std::current_exception();
  }
  if (!connection_->in_transaction())
    throw SQLite::Exception("the transaction was rolled back", SQLITE_ABORT);
  connection_->exec("ROLLBACK TO job; RELEASE job");
  return 0;
}

// Completes every job of the group, in order. Each gets an exception of its own, for whoever waits
// reads it on another thread.
void Writer::Impl::finish_group(bool lost, const std::string& why) {
  {
    const std::lock_guard lock(mutex_);
    statistics_.commits += lost ? 0 : 1;
    statistics_.jobs += static_cast<std::int64_t>(group_.size());
  }
  if (!lost) changes_.publish(group_changes_);
  group_changes_.clear();
  for (Item& item : std::exchange(group_, {})) {
    if (lost && !item.error)
      item.error = unavailable("the outcome of a commit is unknown (" + why + "); ask again");
    item.done(std::move(item.error));
  }
}

void Writer::Impl::open() {
  try {
    connection_ = std::make_unique<Connection>(database_, Connection::Mode::kWriter);
    connection_->exec("BEGIN IMMEDIATE; ROLLBACK");
    page_bytes_ = connection_->pragma("page_size");
  } catch (const SQLite::Exception& error) {
    connection_.reset();
    throw to_error(error);
  }
  checkpoint_at_bytes_ = options_.checkpoint_bytes;
  last_wal_bytes_ = 0;
}

void Writer::Impl::reopen(const SQLite::Exception& why) {
  const int code = why.getErrorCode() & 0xff;
  // Of a full disk once: every job meets it, and callers try again and again.
  if (code != SQLITE_FULL || !std::exchange(full_, true))
    spdlog::error("database: {}; opening it again", why.what());
  connection_.reset();
  // A full disk leaves no doubt: the transaction is gone.
  const bool doubtful = code == SQLITE_IOERR;
  std::string failure;
  const auto open_again = [&] {
    try {
      if (doubtful) secure_log(database_);
      open();
      if (doubtful && !connection_->checkpoint(true)) failure = "its log is in use";
    } catch (const Error& error) {
      failure = error.what();
    } catch (const SQLite::Exception& error) {
      failure = error.what();
    }
  };
  if (options_.without_readers) {
    options_.without_readers(open_again);
  } else {
    open_again();
  }
  if (failure.empty()) return;
  connection_.reset();
  const std::string message = "the database cannot be opened again: " + failure;
  {
    const std::lock_guard lock(mutex_);
    broken_ = true;
  }
  spdlog::critical("{}", message);
  if (options_.fatal) options_.fatal(message);
}

// After a commit: when the WAL is long enough. A reader may keep part of it; the next try is when it
// has grown by as much again, so a long reader costs no checkpoint for every commit.
void Writer::Impl::checkpoint() {
  const std::int64_t wal_bytes = connection_->wal_pages() * page_bytes_;
  if (wal_bytes < last_wal_bytes_) checkpoint_at_bytes_ = options_.checkpoint_bytes;
  last_wal_bytes_ = wal_bytes;
  if (wal_bytes < checkpoint_at_bytes_ && !std::exchange(checkpoint_wanted_, false)) return;
  checkpoint_at_bytes_ = wal_bytes + options_.checkpoint_bytes;
  try {
    connection_->checkpoint(false);
  } catch (const SQLite::Exception& error) {
    reopen(error);
  }
}

void Writer::Impl::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    arrived_.notify_one();
  }
  if (thread_.joinable()) return thread_.join();
  if (options_.thread) return;
  while (step()) {
  }
  close();
}

WriterStatistics Writer::Impl::statistics() {
  const std::lock_guard lock(mutex_);
  WriterStatistics now = statistics_;
  now.queued_jobs = static_cast<std::int64_t>(queue_.size());
  if (!queue_.empty()) {
    const std::chrono::duration<double, std::milli> age = SteadyClock::now() - queue_.front().arrived;
    now.oldest_waiting_ms = age.count();
  }
  return now;
}

Writer::Writer(const Database& database, Changes& changes, WriterOptions options)
    : impl_(std::make_unique<Impl>(database, changes, std::move(options))) {}

Writer::~Writer() {
  stop();
}

void Writer::post(Job job, Done done, std::size_t bytes) {
  impl_->post(std::move(job), std::move(done), bytes);
}

bool Writer::step() {
  return impl_->step();
}

void Writer::stop() {
  impl_->stop();
}

void Writer::wait(std::promise<void>& committed) {
  auto outcome = committed.get_future();
  const auto ready = [&] { return outcome.wait_for(std::chrono::seconds(0)) == std::future_status::ready; };
  if (!impl_->has_thread())
    while (!ready() && impl_->step()) {
    }
  outcome.get();
}

WriterStatistics Writer::statistics() const {
  return impl_->statistics();
}

Writer::Done Writer::completion(const std::shared_ptr<std::promise<void>>& committed) {
  return [committed](std::exception_ptr error) {
    if (error) {
      committed->set_exception(std::move(error));
    } else {
      committed->set_value();
    }
  };
}

}  // namespace hooke::storage
