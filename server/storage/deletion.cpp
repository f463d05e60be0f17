#include "server/storage/deletion.h"

#include <algorithm>
#include <optional>

#include "proto/hooke/pairs.h"
#include "server/storage/statement.h"

namespace hooke::storage {
namespace {

// Of one piece.
constexpr std::int64_t kPieceBytes = 4 << 20;
constexpr std::int64_t kPieceRows = 20'000;
constexpr std::int64_t kPiecePages = 1'000;
// Fewer are soon used again by what is stored next.
constexpr std::int64_t kManyFreePages = 4'000;
// What removing a series costs beside its points, in rows.
constexpr std::int64_t kSeriesRows = 20;
// About what a row takes, without its cells; a cell of a matrix (20 bytes) and of its levels.
constexpr std::int64_t kRowBytes = 32;
constexpr std::int64_t kCellBytes = 24;
// What a block of pairs takes beside its bytes, on average: pages that it does not fill.
constexpr std::int64_t kBlockRowBytes = kRowBytes + 650;

// A series without a run.
struct Garbage {
  SeriesId series;
  std::int64_t row_bytes = 0;  // about what one of its rows takes, at most
};

std::optional<Garbage> find_garbage(Snapshot& snapshot) {
  Statement row(snapshot,
                "SELECT id, kind, json_array_length(eligible_json) FROM series WHERE run_id IS NULL LIMIT 1");
  if (!row.step()) return std::nullopt;
  const bool pairs = row.enumeration<SeriesKind>(1) == SeriesKind::kPairs;
  const auto block_bytes = static_cast<std::int64_t>(kPairBlockBytes);
  return Garbage{{row.integer(0)}, pairs ? block_bytes : kRowBytes + kCellBytes * row.integer(2)};
}

// Tables with rows of a series, from those that may have very many on.
constexpr Sql kDeletePoints[] = {
    "DELETE FROM scalar_points WHERE (series_id, step) IN "
    "(SELECT series_id, step FROM scalar_points WHERE series_id = ? LIMIT ?)",
    "DELETE FROM matrix_points WHERE id IN (SELECT id FROM matrix_points WHERE series_id = ? LIMIT ?)",
    "DELETE FROM pairs_blocks WHERE id IN (SELECT id FROM pairs_blocks WHERE series_id = ? LIMIT ?)",
    "DELETE FROM levels WHERE (series_id, level, first_step) IN "
    "(SELECT series_id, level, first_step FROM levels WHERE series_id = ? LIMIT ?)",
};

// Removes at most `rows` rows of a series; returns how many.
std::int64_t remove_rows(Transaction& transaction, SeriesId series, std::int64_t rows) {
  std::int64_t removed = 0;
  for (const Sql sql : kDeletePoints) {
    if (removed >= rows) break;
    removed += Statement(transaction, sql, series, rows - removed).run();
  }
  return removed;
}

}  // namespace

Extent extent_of(Snapshot& snapshot, RunId run) {
  Statement row(snapshot,
                "SELECT coalesce(sum(l.count), 0), coalesce(sum(CASE s.kind WHEN ?1 THEN "
                "(SELECT sum(length(b.data) + ?4) FROM pairs_blocks b WHERE b.series_id = s.id) "
                "ELSE l.count * (?2 + ?3 * json_array_length(s.eligible_json)) END), 0) FROM series s "
                "LEFT JOIN latest_values l ON l.run_id = s.run_id AND l.series_id = s.id WHERE s.run_id = ?5",
                SeriesKind::kPairs, kRowBytes, kCellBytes, kBlockRowBytes, run);
  row.step();
  return {row.integer(0), row.integer(1)};
}

void delete_run(Transaction& transaction, RunId run) {
  Statement row(transaction, "SELECT experiment_id FROM runs WHERE id = ?", run);
  if (!row.step()) throw Error(Code::kNotFound, "there is no such run");
  transaction.changed({run, {row.integer(0)}, kStateChanged});
  Statement(transaction, "DELETE FROM latest_values WHERE run_id = ?", run).run();
  Statement(transaction, "DELETE FROM runs WHERE id = ?", run).run();
}

void delete_experiment(Transaction& transaction, ExperimentId experiment) {
  Statement(transaction, "DELETE FROM experiments WHERE id = ?", experiment).run();
}

bool has_garbage(Snapshot& snapshot) {
  if (Statement(snapshot, "SELECT 1 FROM series WHERE run_id IS NULL LIMIT 1").step()) return true;
  try {
    return snapshot.connection().pragma("freelist_count") > kManyFreePages;
  } catch (const SQLite::Exception& error) {
    throw to_error(error);
  }
}

std::int64_t free_bytes(Snapshot& snapshot) {
  try {
    return snapshot.connection().pragma("freelist_count") * snapshot.connection().pragma("page_size");
  } catch (const SQLite::Exception& error) {
    throw to_error(error);
  }
}

std::int64_t garbage_bytes(Snapshot& snapshot) {
  Statement row(snapshot,
                "WITH garbage AS (SELECT id FROM series WHERE run_id IS NULL) "
                "SELECT coalesce(sum(bytes), 0) FROM ("
                "SELECT count(*) * ?1 AS bytes FROM scalar_points WHERE series_id IN garbage "
                "UNION ALL SELECT sum(?1 + length(planes)) FROM matrix_points WHERE series_id IN garbage "
                "UNION ALL SELECT sum(?2 + length(data)) FROM pairs_blocks WHERE series_id IN garbage "
                "UNION ALL SELECT sum(?1 + length(extremes)) FROM levels WHERE series_id IN garbage)",
                kRowBytes, kBlockRowBytes);
  row.step();
  return row.integer(0);
}

bool remove_garbage(Transaction& transaction) {
  std::int64_t left = kPieceRows;
  while (left > 0) {
    const auto garbage = find_garbage(transaction);
    if (!garbage) return false;
    const std::int64_t rows = std::clamp<std::int64_t>(kPieceBytes / garbage->row_bytes, 1, left);
    const std::int64_t removed = remove_rows(transaction, garbage->series, rows);
    if (removed >= rows) return true;
    Statement(transaction, "DELETE FROM series WHERE id = ?", garbage->series).run();
    left -= removed + kSeriesRows;
  }
  return true;
}

std::int64_t shrink(Transaction& transaction) {
  Connection& connection = transaction.connection();
  try {
    const std::int64_t before = connection.pragma("page_count");
    connection.set_pragma("incremental_vacuum", kPiecePages);
    const std::int64_t pages = before - connection.pragma("page_count");
    if (connection.pragma("freelist_count") == 0) transaction.want_checkpoint();
    return pages * connection.pragma("page_size");
  } catch (const SQLite::Exception& error) {
    throw to_error(error);
  }
}

}  // namespace hooke::storage
