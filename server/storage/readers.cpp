#include "server/storage/readers.h"

#include <SQLiteCpp/Exception.h>
#include <absl/base/thread_annotations.h>
#include <spdlog/spdlog.h>

#include <condition_variable>
#include <mutex>
#include <vector>

#include "server/storage/connection.h"

namespace hooke::storage {

// The connections that are not in use, and how many are.
class Readers::Pool {
 public:
  Pool(const Database& database, ReadersOptions options) : database_(database), options_(options) {}

  const ReadersOptions& options() const { return options_; }

  std::unique_ptr<Connection> take() {
    std::unique_ptr<Connection> connection;
    {
      std::unique_lock lock(mutex_);
      if (!free_.wait_for(lock, options_.max_wait,
                          [this] { return !closed_ && in_use_ < options_.max_snapshots; }))
        throw Error(Code::kUnavailable, closed_ ? "the database is being opened again; try again"
                                                : "too many queries at the same time; try again");
      ++in_use_;
      if (!idle_.empty()) {
        connection = std::move(idle_.back());
        idle_.pop_back();
      }
    }
    try {
      return connection ? std::move(connection)
                        : std::make_unique<Connection>(database_, Connection::Mode::kReader);
    } catch (const SQLite::Exception& error) {
      give(nullptr);
      throw to_error(error);
    }
  }

  // Null: the connection was not good any more.
  void give(std::unique_ptr<Connection> connection) {
    const std::lock_guard lock(mutex_);
    --in_use_;
    if (connection && !closed_) idle_.push_back(std::move(connection));
    connection.reset();
    free_.notify_all();
  }

  // No connection is left, but for snapshots that outlive their time.
  void close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    idle_.clear();
    if (!free_.wait_for(lock, 2 * options_.max_age, [this] { return in_use_ == 0; }))
      spdlog::error("database: {} readers did not end in time", in_use_);
  }
  void open() {
    const std::lock_guard lock(mutex_);
    closed_ = false;
    free_.notify_all();
  }

 private:
  const Database& database_;
  const ReadersOptions options_;
  std::mutex mutex_;
  std::condition_variable free_;
  std::vector<std::unique_ptr<Connection>> idle_ ABSL_GUARDED_BY(mutex_);
  std::size_t in_use_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

ReadSnapshot::ReadSnapshot(Readers& readers, std::unique_ptr<Connection> connection)
    : Snapshot(*connection), readers_(readers), connection_(std::move(connection)) {}

ReadSnapshot::~ReadSnapshot() {
  try {
    connection_->exec("ROLLBACK");
  } catch (const SQLite::Exception&) {
    connection_.reset();  // a connection that cannot even roll back is closed
  }
  readers_.pool_->give(std::move(connection_));
}

Readers::Readers(const Database& database, ReadersOptions options)
    : pool_(std::make_unique<Pool>(database, options)) {}

Readers::~Readers() = default;

void Readers::while_closed(const std::function<void()>& work) {
  pool_->close();
  work();
  pool_->open();
}

ReadSnapshot Readers::snapshot() {
  auto connection = pool_->take();
  try {
    connection->set_deadline(std::chrono::steady_clock::now() + pool_->options().max_age);
    connection->exec("BEGIN");
    // BEGIN alone takes no snapshot; the first read does.
    connection->pragma("user_version");
  } catch (const SQLite::Exception& error) {
    pool_->give(nullptr);
    throw to_error(error);
  }
  return ReadSnapshot(*this, std::move(connection));
}

}  // namespace hooke::storage
