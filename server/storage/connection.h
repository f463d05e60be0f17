// Connection: one SQLite connection with its prepared statements. Private to server/storage.
//
// Owned by the Writer's thread or by the Readers' pool; used by one thread at a time.
#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "proto/hooke/error.h"
#include "server/storage/database.h"
#include "server/storage/sql.h"

namespace hooke::storage {

// What SQLite says, as our error: full, damaged, interrupted, …; never SQLite::Exception further up.
Error to_error(const SQLite::Exception& error);

struct Migration;

class Connection {
 public:
  enum class Mode { kWriter, kReader };

  // Opens the file (a writer makes it), with every safety setting. Throws SQLite::Exception.
  Connection(const Database& database, Mode mode);

  // Text that is run once. Throws SQLite::Exception.
  void exec(Sql sql) { database_.exec(sql.c_str()); }
  // Of this program's own migrations.
  void exec(const Migration& migration);

  // The statement of this text, prepared at first use and kept.
  SQLite::Statement& prepared(Sql sql);

  // A statement that is not kept.
  SQLite::Statement once(Sql sql) { return SQLite::Statement(database_, sql.c_str()); }
  SQLite::Statement once(const SqlText& sql) { return SQLite::Statement(database_, sql.text()); }

  // For a backup.
  SQLite::Database& database() { return database_; }

  std::int64_t pragma(Sql name);
  void set_pragma(Sql name, std::int64_t value);
  bool in_transaction();
  std::int64_t changes() { return database_.getChanges(); }

  // Reading later than this throws kDeadlineExceeded.
  void set_deadline(std::chrono::steady_clock::time_point deadline) { deadline_ = deadline; }
  bool past_deadline() const { return deadline_ && std::chrono::steady_clock::now() > *deadline_; }

  // Pages in the WAL after the last commit of this connection.
  int wal_pages() const { return wal_pages_; }
  // Moves the WAL into the database file as far as readers let it. Returns whether that was all of it.
  bool checkpoint(bool truncate);

 private:
  SQLite::Database database_;
  std::unordered_map<std::string_view, std::unique_ptr<SQLite::Statement>> statements_;
  std::optional<std::chrono::steady_clock::time_point> deadline_;
  int wal_pages_ = 0;
};

}  // namespace hooke::storage
