#include "server/storage/connection.h"

#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include "server/storage/limits.h"

namespace hooke::storage {
namespace {

constexpr int kInstructionsPerDeadlineCheck = 10'000;

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
  sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, kMaxValueBytes);
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
  exec(("PRAGMA cache_size = -" + std::to_string(kWriterCacheKib)).c_str());
  // In place of the automatic checkpoint: only notes how long the WAL is.
  sqlite3_wal_hook(
      handle,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Connection*>(self)->wal_pages_ = pages;
        return SQLITE_OK;
      },
      this);
}

SQLite::Statement& Connection::prepared(std::string_view sql) {
  auto& statement = statements_[sql];
  if (!statement) statement = std::make_unique<SQLite::Statement>(database_, std::string(sql));
  return *statement;
}

std::int64_t Connection::pragma(const char* name) {
  return database_.execAndGet(std::string("PRAGMA ") + name).getInt64();
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
