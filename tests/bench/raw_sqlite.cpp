#include "tests/bench/raw_sqlite.h"

#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "tests/bench/bench_server.h"
#include "tests/temp_folder.h"

namespace hooke::bench {
namespace {

using Clock = std::chrono::steady_clock;

// SQLite itself, for comparison.
class RawDatabase {
 public:
  explicit RawDatabase(const std::filesystem::path& file) {
    if (sqlite3_open(file.c_str(), &handle_) != SQLITE_OK)
      throw std::runtime_error("SQLite cannot open a file");
    exec(
        "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        "CREATE TABLE scalar_points (series_id INTEGER NOT NULL, step INTEGER NOT NULL, time_us INTEGER NOT "
        "NULL,"
        " value REAL, PRIMARY KEY (series_id, step)) STRICT, WITHOUT ROWID;"
        "CREATE TABLE matrix_points (id INTEGER PRIMARY KEY, series_id INTEGER NOT NULL, step INTEGER NOT "
        "NULL,"
        " time_us INTEGER NOT NULL, planes BLOB NOT NULL, UNIQUE (series_id, step)) STRICT");
    prepare("INSERT INTO scalar_points (series_id, step, time_us, value) VALUES (?, ?, ?, ?)", &scalar_);
    prepare("INSERT INTO matrix_points (series_id, step, time_us, planes) VALUES (?, ?, ?, ?)", &matrix_);
  }
  ~RawDatabase() {
    sqlite3_finalize(scalar_);
    sqlite3_finalize(matrix_);
    sqlite3_close(handle_);
  }
  RawDatabase(const RawDatabase&) = delete;
  RawDatabase& operator=(const RawDatabase&) = delete;

  void exec(const char* sql) {
    if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(handle_));
  }
  void insert(std::int64_t series, std::int64_t step, double value) {
    sqlite3_bind_double(scalar_, 4, value);
    run(scalar_, series, step);
  }
  void insert(std::int64_t series, std::int64_t step, const std::string& planes) {
    sqlite3_bind_blob(matrix_, 4, planes.data(), static_cast<int>(planes.size()), SQLITE_STATIC);
    run(matrix_, series, step);
  }

 private:
  void prepare(const char* sql, sqlite3_stmt** statement) {
    if (sqlite3_prepare_v2(handle_, sql, -1, statement, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(handle_));
  }
  void run(sqlite3_stmt* statement, std::int64_t series, std::int64_t step) {
    sqlite3_bind_int64(statement, 1, series);
    sqlite3_bind_int64(statement, 2, step);
    sqlite3_bind_int64(statement, 3, kTimeUs + step);
    if (sqlite3_step(statement) != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(handle_));
    sqlite3_reset(statement);
  }

  sqlite3* handle_ = nullptr;
  sqlite3_stmt* scalar_ = nullptr;
  sqlite3_stmt* matrix_ = nullptr;
};

}  // namespace

double raw_seconds(const Shape& shape, int streams, std::int64_t rows, double rows_per_commit) {
  const tests::TempFolder folder;
  RawDatabase database(folder.path() / "raw.db");
  const std::string bytes = shape.scalars == 0 ? planes(shape.classes, 1) : std::string();
  const std::int64_t records = rows / (shape.rows() * streams);
  const std::int64_t per_batch = std::max<std::int64_t>(1, 1000 / (shape.scalars == 0 ? 10 : shape.rows()));
  const auto start = Clock::now();
  std::int64_t in_commit = 0;
  database.exec("BEGIN IMMEDIATE");
  for (std::int64_t first = 0; first < records; first += per_batch) {
    for (int stream = 0; stream < streams; ++stream) {
      for (std::int64_t step = first; step < std::min(first + per_batch, records); ++step) {
        for (int k = 0; k < shape.rows(); ++k) {
          const std::int64_t series = std::int64_t{stream} * shape.rows() + k + 1;
          if (shape.scalars == 0) {
            database.insert(series, step, bytes);
          } else {
            database.insert(series, step, static_cast<double>(step) + 0.001 * k);
          }
        }
        in_commit += shape.rows();
      }
      if (static_cast<double>(in_commit) < rows_per_commit) continue;
      database.exec("COMMIT; BEGIN IMMEDIATE");
      in_commit = 0;
    }
  }
  database.exec("COMMIT");
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace hooke::bench
