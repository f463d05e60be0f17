#include "server/storage/backup.h"

#include <SQLiteCpp/Backup.h>
#include <SQLiteCpp/Exception.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>

#include "server/storage/connection.h"
#include "server/storage/levels.h"

namespace hooke::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestName = 128;
constexpr std::size_t kMostFindings = 100;
constexpr int kPagesAtOnce = 4096;

void check_name(const std::string& name) {
  const bool allowed = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.';
  });
  if (name.empty() || name.size() > kLongestName || name[0] == '.' || !allowed)
    throw invalid("backup_id", "'" + name.substr(0, kLongestName) +
                                   "' is not allowed; letters, digits, '-', '_' and '.', not first a '.', at "
                                   "most " +
                                   std::to_string(kLongestName));
}

void sync(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool done = file >= 0 && ::fsync(file) == 0;
  const int number = errno;
  if (file >= 0) ::close(file);
  if (!done) throw Error(Code::kUnavailable, path.string() + ": " + std::strerror(number));
}

// A connection whose reads are all of this moment.
std::unique_ptr<Connection> snapshot_of(const Database& database) {
  auto connection = std::make_unique<Connection>(database, Connection::Mode::kReader);
  connection->exec("BEGIN");
  connection->pragma("user_version");  // the first read takes the snapshot
  return connection;
}

void copy(const Database& database, const fs::path& to) {
  const auto source = snapshot_of(database);
  SQLite::Database target(to.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  {
    SQLite::Backup backup(target, source->database());
    while (backup.executeStep(kPagesAtOnce) != SQLITE_DONE) {
    }
  }
  // One file, without a log beside it.
  target.exec("PRAGMA journal_mode = DELETE");
  SQLite::Statement check(target, "PRAGMA quick_check(1)");
  if (!check.executeStep() || check.getColumn(0).getString() != "ok")
    throw Error(Code::kDataLoss, "the copy is damaged: " + check.getColumn(0).getString());
}

// Names what differs between two queries of one shape, row by row: id, text.
class Findings {
 public:
  explicit Findings(Connection& connection) : connection_(connection) {}

  // One finding for each row: its first column.
  void add(Sql sql, const std::string& except = {}) {
    SQLite::Statement rows = connection_.once(sql);
    while (found_.size() < kMostFindings && rows.executeStep()) {
      std::string finding = rows.getColumn(0).getString();
      if (finding != except) found_.push_back(std::move(finding));
    }
  }
  std::vector<std::string> take() { return std::move(found_); }

 private:
  Connection& connection_;
  std::vector<std::string> found_;
};

}  // namespace

BackupFile back_up(const Database& database, const std::string& name) {
  check_name(name);
  const fs::path folder = database.folder() / "backups", path = folder / name,
                 partial = folder / ("." + name);
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) throw Error(Code::kUnavailable, folder.string() + ": " + failed.message());
  fs::permissions(folder, fs::perms::owner_all, failed);
  if (fs::exists(path))
    throw Error(Code::kAlreadyExists, path.string() + " is there already; give another name", "backup_id");
  fs::remove(partial, failed);
  try {
    copy(database, partial);
    sync(partial);
    fs::rename(partial, path);
    sync(folder);
  } catch (const SQLite::Exception& error) {
    fs::remove(partial, failed);
    throw to_error(error);
  } catch (...) {
    fs::remove(partial, failed);
    throw;
  }
  return {path, static_cast<std::int64_t>(fs::file_size(path))};
}

std::vector<std::string> verify(const Database& database) {
  try {
    const auto connection = snapshot_of(database);
    Findings findings(*connection);
    findings.add("PRAGMA integrity_check(100)", "ok");
    findings.add(
        "SELECT 'table ' || \"table\" || ', row ' || rowid || ' refers to nothing in ' || parent "
        "FROM pragma_foreign_key_check");
    findings.add(
        "WITH points AS (SELECT series_id, count(*) AS n, min(step) AS first, max(step) AS last "
        "                FROM scalar_points GROUP BY series_id "
        "                UNION ALL SELECT series_id, count(*), min(step), max(step) "
        "                FROM matrix_points GROUP BY series_id "
        "                UNION ALL SELECT b.series_id, count(DISTINCT b.step), min(b.step), max(b.step) "
        "                FROM pairs_blocks b JOIN latest_values w ON w.series_id = b.series_id "
        "                AND b.step <= w.step GROUP BY b.series_id) "
        "SELECT 'run ' || r.run_id || ', series ' || s.key || ': ' || coalesce(p.n, 0) || ' points, but ' || "
        "       coalesce(l.count, 0) || ' were counted' "
        "FROM series s JOIN runs r ON r.id = s.run_id LEFT JOIN points p ON p.series_id = s.id "
        "LEFT JOIN latest_values l ON l.series_id = s.id "
        "WHERE coalesce(p.n, 0) <> coalesce(l.count, 0) OR p.first <> l.first_step OR p.last <> l.step");
    findings.add(
        "SELECT 'run ' || r.run_id || ', series ' || s.key || ', step ' || b.step || ': ' || sum(b.rows) || "
        "       ' rows of pairs, not ' || (json_array_length(s.class_names_json) * s.per_class) "
        "FROM pairs_blocks b JOIN series s ON s.id = b.series_id JOIN runs r ON r.id = s.run_id "
        "JOIN latest_values l ON l.series_id = s.id WHERE b.step <= l.step GROUP BY b.series_id, b.step "
        "HAVING sum(b.rows) <> json_array_length(s.class_names_json) * s.per_class");
    // 16 points, or 16 buckets of the level below, make a bucket.
    static_assert(kPointsPerBucket == 16 && kMostLeveledClasses == 128);
    findings.add(
        "WITH RECURSIVE wanted (series_id, level, n) AS ("
        "  SELECT l.series_id, 1, l.count / 16 FROM latest_values l JOIN series s ON s.id = l.series_id "
        "  WHERE l.count >= 16 AND s.kind <> 3 AND json_array_length(s.class_names_json) <= 128 "
        "  UNION ALL SELECT series_id, level + 1, n / 16 FROM wanted WHERE n >= 16), "
        "there AS (SELECT series_id, level, count(*) AS n FROM levels GROUP BY series_id, level) "
        "SELECT 'run ' || r.run_id || ', series ' || s.key || ': level ' || w.level || ' has ' || "
        "       coalesce(t.n, 0) || ' buckets, not ' || w.n "
        "FROM wanted w JOIN series s ON s.id = w.series_id JOIN runs r ON r.id = s.run_id "
        "LEFT JOIN there t ON t.series_id = w.series_id AND t.level = w.level "
        "WHERE coalesce(t.n, 0) <> w.n");
    return findings.take();
  } catch (const SQLite::Exception& error) {
    throw to_error(error);
  }
}

}  // namespace hooke::storage
