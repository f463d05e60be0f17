#include "server/storage/connection.h"

#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include <utility>

#include "migrations/migrations.h"
#include "server/storage/limits.h"

namespace hooke::storage {
namespace {

constexpr int kInstructionsPerDeadlineCheck = 10'000;

// What our statements need, and no more.
constexpr std::pair<int, int> kLimits[] = {
    {SQLITE_LIMIT_ATTACHED, 0},
    {SQLITE_LIMIT_LENGTH, kMaxValueBytes},
    {SQLITE_LIMIT_SQL_LENGTH, 256 << 10},
    {SQLITE_LIMIT_COLUMN, 100},
    {SQLITE_LIMIT_EXPR_DEPTH, 500},
    {SQLITE_LIMIT_COMPOUND_SELECT, 10},
    {SQLITE_LIMIT_FUNCTION_ARG, 16},
    {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100},
    {SQLITE_LIMIT_VARIABLE_NUMBER, 2'000},
    {SQLITE_LIMIT_TRIGGER_DEPTH, 10},
    {SQLITE_LIMIT_WORKER_THREADS, 0},
};

int flags_of(Connection::Mode mode) {
  const int access = mode == Connection::Mode::kWriter ? SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE
                                                       : SQLite::OPEN_READONLY;
  return access | SQLite::OPEN_NOMUTEX;
}

void harden(sqlite3* handle) {
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
  // Only the Writer checkpoints: not whoever happens to close last.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  for (const auto& [limit, value] : kLimits) sqlite3_limit(handle, limit, value);
}

}  // namespace

Error to_error(const SQLite::Exception& error) {
  const std::string message = std::string("database: ") + error.what();
  switch (error.getErrorCode() & 0xff) {
    case SQLITE_FULL:
      return Error(Code::kResourceExhausted, message + "; make room on the server's disk");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error(Code::kDataLoss, message);
    case SQLITE_INTERRUPT:
      return Error(Code::kDeadlineExceeded, "the query took too long; ask for less");
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_NOMEM:
      return Error(Code::kUnavailable, message);
    default:
      return Error(Code::kInternal, message);
  }
}

Connection::Connection(const Database& database, Mode mode)
    : database_(database.file().string(), flags_of(mode), kBusyTimeoutMs, database.vfs()) {
  sqlite3* handle = database_.getHandle();
  harden(handle);
  exec("PRAGMA cell_size_check = ON");
  exec("PRAGMA mmap_size = 0");
  exec("PRAGMA temp_store = MEMORY");
  if (mode == Mode::kReader) {
    exec("PRAGMA query_only = ON");
    sqlite3_progress_handler(
        handle, kInstructionsPerDeadlineCheck,
        [](void* self) { return static_cast<Connection*>(self)->past_deadline() ? 1 : 0; }, this);
    return;
  }
  exec("PRAGMA synchronous = FULL");
  exec("PRAGMA wal_autocheckpoint = 0");
  set_pragma("cache_size", -kWriterCacheKib);
  // In place of the automatic checkpoint: only notes how long the WAL is.
  sqlite3_wal_hook(
      handle,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Connection*>(self)->wal_pages_ = pages;
        return SQLITE_OK;
      },
      this);
}

void Connection::exec(const Migration& migration) {
  database_.exec(migration.sql);
}

SQLite::Statement& Connection::prepared(Sql sql) {
  auto& statement = statements_[sql.text()];
  if (!statement) statement = std::make_unique<SQLite::Statement>(database_, sql.c_str());
  return *statement;
}

std::int64_t Connection::pragma(Sql name) {
  return database_.execAndGet("PRAGMA " + std::string(name.text())).getInt64();
}

void Connection::set_pragma(Sql name, std::int64_t value) {
  database_.exec("PRAGMA " + std::string(name.text()) + " = " + std::to_string(value));
}

bool Connection::in_transaction() {
  return sqlite3_get_autocommit(database_.getHandle()) == 0;
}

bool Connection::checkpoint(bool truncate) {
  int log = 0;
  int done = 0;
  const int mode = truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
  const int rc = sqlite3_wal_checkpoint_v2(database_.getHandle(), nullptr, mode, &log, &done);
  if (rc != SQLITE_OK && rc != SQLITE_BUSY) throw SQLite::Exception(database_.getHandle(), rc);
  return rc == SQLITE_OK && log == done;
}

}  // namespace hooke::storage
