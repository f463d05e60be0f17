#include "server/storage/pairs.h"

#include <algorithm>

#include "server/storage/compression.h"
#include "server/storage/statement.h"

namespace hooke::storage {
namespace {

// Probes of all classes: rows of a table, and its columns.
std::size_t probes_of(const SeriesDeclaration& declaration) {
  return declaration.class_names.size() * static_cast<std::size_t>(declaration.per_class);
}

// Of a row with step, time_us, first_row, rows, data.
PairsBlock block_of(Statement& row, const SeriesDeclaration& declaration) {
  const std::size_t row_bytes = probes_of(declaration) * sizeof(float);
  PairsBlock block{row.integer(0), row.integer(1), row.small(2), row.small(3), decompress(row.text(4)), {}};
  const std::size_t numerators = static_cast<std::size_t>(block.rows) * row_bytes;
  if (block.numerators.size() < numerators)
    throw Error(Code::kDataLoss, "a stored block of " + declaration.key + " is too short");
  block.denominators = block.numerators.substr(numerators);
  block.numerators.resize(numerators);
  return block;
}

}  // namespace

void insert_pairs(Transaction& transaction, SeriesId series, const PairsBlock& block) {
  const std::string data = compress(block.numerators + block.denominators);
  Statement(transaction,
            "INSERT INTO pairs_blocks (series_id, step, first_row, rows, time_us, data) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            series, block.step, block.first_row, block.rows, block.time_us, Blob{data})
      .run();
}

std::vector<PairsBlock> read_pairs(Snapshot& snapshot, const Series& series, Step step,
                                   std::int32_t first_row, std::size_t rows) {
  std::vector<PairsBlock> blocks;
  if (step > series.progress.last_step) return blocks;
  Statement found(
      snapshot,
      "SELECT step, time_us, first_row, rows, data FROM pairs_blocks WHERE series_id = ? AND step = ? "
      "AND first_row + rows > ? ORDER BY first_row",
      series.id, step, first_row);
  std::size_t have = 0;
  while (have < rows && found.step()) {
    const PairsBlock& block = blocks.emplace_back(block_of(found, series.declaration));
    have += static_cast<std::size_t>(block.first_row + block.rows - std::max(block.first_row, first_row));
  }
  return blocks;
}

std::optional<PairsBlock> next_pairs_block(Snapshot& snapshot, const Series& series, Step step,
                                           std::int32_t first_row) {
  Statement row(snapshot,
                "SELECT step, time_us, first_row, rows, data FROM pairs_blocks WHERE series_id = ? "
                "AND (step, first_row) >= (?, ?) ORDER BY step, first_row LIMIT 1",
                series.id, step, first_row);
  if (!row.step()) return std::nullopt;
  return block_of(row, series.declaration);
}

std::optional<PairsPlace> last_pairs_block(Snapshot& snapshot, SeriesId series) {
  Statement row(snapshot,
                "SELECT step, first_row FROM pairs_blocks WHERE series_id = ? "
                "ORDER BY step DESC, first_row DESC LIMIT 1",
                series);
  if (!row.step()) return std::nullopt;
  return PairsPlace{row.integer(0), row.small(1)};
}

std::vector<Step> pairs_steps(Snapshot& snapshot, const Series& series, StepRange range) {
  std::vector<Step> steps;
  Statement rows(
      snapshot,
      "SELECT step FROM pairs_blocks WHERE series_id = ? AND step BETWEEN ? AND ? AND first_row = 0 "
      "ORDER BY step",
      series.id, range.from, std::min(range.to, series.progress.last_step));
  while (rows.step()) steps.push_back(rows.integer(0));
  return steps;
}

std::optional<PendingPairs> pending_pairs(Snapshot& snapshot, RunId run) {
  Statement row(snapshot,
                "SELECT b.series_id, b.step, sum(b.rows) FROM series s "
                "LEFT JOIN latest_values l ON l.run_id = s.run_id AND l.series_id = s.id "
                "JOIN pairs_blocks b ON b.series_id = s.id AND b.step > coalesce(l.step, -1) "
                "WHERE s.run_id = ? AND s.kind = ? GROUP BY b.series_id, b.step",
                run, SeriesKind::kPairs);
  if (!row.step()) return std::nullopt;
  return PendingPairs{{row.integer(0)}, row.integer(1), row.small(2)};
}

}  // namespace hooke::storage
