#include "server/storage/series.h"

#include <algorithm>

#include "server/storage/levels.h"
#include "server/storage/page.h"
#include "server/storage/pairs.h"
#include "server/storage/statement.h"

namespace hooke::storage {
namespace {

#define SERIES_COLUMNS                                                                                  \
  "SELECT s.id, s.run_id, s.key, s.kind, s.class_names_json, s.eligible_json, s.description, l.count, " \
  "l.first_step, l.step, l.time_us, l.value, s.per_class FROM series s LEFT JOIN latest_values l "      \
  "ON l.run_id = s.run_id AND l.series_id = s.id "

Series read_series(Statement& row) {
  Series series;
  series.id = {row.integer(0)};
  series.run = {row.integer(1)};
  SeriesDeclaration& declaration = series.declaration;
  declaration.key = row.text(2);
  declaration.kind = row.enumeration<SeriesKind>(3);
  declaration.class_names = row.strings(4);
  declaration.eligible = nlohmann::json::parse(row.text(5)).get<std::vector<std::int64_t>>();
  declaration.description = row.text(6);
  declaration.per_class = row.small(12);
  if (row.null(7)) return series;
  series.progress = {row.integer(7), row.integer(8), row.integer(9), row.integer(10), row.real(11)};
  return series;
}

std::vector<Series> read_all_series(Statement&& rows) {
  std::vector<Series> all;
  while (rows.step()) all.push_back(read_series(rows));
  return all;
}

// Whole tables alone are counted.
std::int64_t remove_pairs(Transaction& transaction, const Series& series, Step step) {
  const std::size_t whole = pairs_steps(transaction, series, {step + 1}).size();
  Statement(transaction, "DELETE FROM pairs_blocks WHERE series_id = ? AND step > ?", series.id, step).run();
  return static_cast<std::int64_t>(whole);
}

// Removes a series' points later than `step`; returns how many. One of the tables alone has any.
std::int64_t remove_points(Transaction& transaction, const Series& series, Step step) {
  switch (series.declaration.kind) {
    case SeriesKind::kScalar:
      return Statement(transaction, "DELETE FROM scalar_points WHERE series_id = ? AND step > ?", series.id,
                       step)
          .run();
    case SeriesKind::kMatrix:
      return Statement(transaction, "DELETE FROM matrix_points WHERE series_id = ? AND step > ?", series.id,
                       step)
          .run();
    case SeriesKind::kPairs:
      return remove_pairs(transaction, series, step);
  }
  throw Error(Code::kInternal, "no such kind of series");
}

Sql last_point_of(SeriesKind kind) {
  switch (kind) {
    case SeriesKind::kScalar:
      return "SELECT step, time_us, value FROM scalar_points WHERE series_id = ? ORDER BY step DESC LIMIT 1";
    case SeriesKind::kMatrix:
      return "SELECT step, time_us, 0.0 FROM matrix_points WHERE series_id = ? ORDER BY step DESC LIMIT 1";
    case SeriesKind::kPairs:
      return "SELECT step, time_us, 0.0 FROM pairs_blocks WHERE series_id = ? ORDER BY step DESC LIMIT 1";
  }
  throw Error(Code::kInternal, "no such kind of series");
}

// The newest point that is left, into `progress`.
void read_last(Snapshot& snapshot, const Series& series, SeriesProgress& progress) {
  Statement row(snapshot, last_point_of(series.declaration.kind), series.id);
  if (!row.step()) return;
  progress.last_step = row.integer(0);
  progress.last_time_us = row.integer(1);
  progress.last_value = row.real(2);
}

void truncate_series(Transaction& transaction, const Series& series, Step step, std::int64_t removed) {
  SeriesProgress progress = series.progress;
  progress.count -= removed;
  if (removed > 0) truncate_levels(transaction, series.id, step);
  if (progress.count <= 0) {
    Statement(transaction, "DELETE FROM latest_values WHERE run_id = ? AND series_id = ?", series.run,
              series.id)
        .run();
  } else if (removed > 0) {
    read_last(transaction, series, progress);
    save_progress(transaction, series.run, series.id, progress);
  }
  if (step < 0) Statement(transaction, "DELETE FROM series WHERE id = ?", series.id).run();
}

}  // namespace

SeriesId insert_series(Transaction& transaction, RunId run, const SeriesDeclaration& declaration) {
  if (Statement(transaction, "SELECT 1 FROM series WHERE run_id = ? AND key = ?", run, declaration.key)
          .step())
    throw Error(Code::kAlreadyExists, "the run has a series " + declaration.key, "key");
  Statement row(transaction,
                "INSERT INTO series (run_id, key, kind, class_names_json, eligible_json, description, "
                "per_class) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
                run, declaration.key, declaration.kind, to_json(declaration.class_names),
                to_json(declaration.eligible), declaration.description, declaration.per_class);
  row.step();
  return {row.integer(0)};
}

void replace_declaration(Transaction& transaction, SeriesId series, const SeriesDeclaration& declaration) {
  Statement(
      transaction,
      "UPDATE series SET kind = ?, class_names_json = ?, eligible_json = ?, description = ?, per_class = ? "
      "WHERE id = ?",
      declaration.kind, to_json(declaration.class_names), to_json(declaration.eligible),
      declaration.description, declaration.per_class, series)
      .run();
}

void save_progress(Transaction& transaction, RunId run, SeriesId series, const SeriesProgress& progress) {
  Statement(transaction,
            "REPLACE INTO latest_values (run_id, series_id, count, first_step, step, time_us, value) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            run, series, progress.count, progress.first_step, progress.last_step, progress.last_time_us,
            progress.last_value)
      .run();
}

std::optional<Series> find_series(Snapshot& snapshot, RunId run, std::string_view key) {
  auto found =
      read_all_series(Statement(snapshot, SERIES_COLUMNS "WHERE s.run_id = ? AND s.key = ?", run, key));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::vector<Series> series_of(Snapshot& snapshot, RunId run) {
  return read_all_series(Statement(snapshot, SERIES_COLUMNS "WHERE s.run_id = ? ORDER BY s.key", run));
}

Page<Series> list_series(Snapshot& snapshot, RunId run, std::string_view prefix, const PageRequest& page) {
  Page<Series> found;
  found.items =
      read_all_series(Statement(snapshot,
                                SERIES_COLUMNS "WHERE s.run_id = ?1 AND s.key > ?2 AND s.key >= ?3 AND "
                                               "substr(s.key, 1, length(?3)) = ?3 ORDER BY s.key LIMIT ?4",
                                run, page.after, prefix, fetch(page)));
  close_page(found, page, [](const Series& last) { return last.declaration.key; });
  return found;
}

namespace {

void append(Statement&& rows, std::vector<LatestValue>& values) {
  while (rows.step()) values.push_back({rows.text(0), rows.integer(1), rows.integer(2), rows.real(3)});
}

}  // namespace

std::vector<LatestValue> latest_values(Snapshot& snapshot, RunId run) {
  std::vector<LatestValue> values;
  append(
      Statement(
          snapshot,
          "SELECT s.key, l.step, l.time_us, l.value FROM latest_values l JOIN series s ON s.id = l.series_id "
          "WHERE l.run_id = ? AND s.kind = ? ORDER BY s.key",
          run, SeriesKind::kScalar),
      values);
  return values;
}

#define LATEST_OF_KEY                                                                  \
  "SELECT s.key, l.step, l.time_us, l.value FROM series s CROSS JOIN latest_values l " \
  "ON l.run_id = s.run_id AND l.series_id = s.id WHERE s.run_id = ?1 AND s.kind = ?2 AND s.key = "

std::vector<LatestValue> main_latest_values(Snapshot& snapshot, RunId run) {
  constexpr std::size_t kMost = 16;
  std::vector<LatestValue> values;
  // A list does this for each of its runs. For IN SQLite would make a table each time; rows of a run's
  // latest values, and of its series by id, are neighbours, which by key they are not.
  append(Statement(snapshot,
                   LATEST_OF_KEY "'test/accuracy' UNION ALL " LATEST_OF_KEY
                                 "'test/loss' UNION ALL " LATEST_OF_KEY
                                 "'train/accuracy' UNION ALL " LATEST_OF_KEY "'train/loss'",
                   run, SeriesKind::kScalar),
         values);
  const auto others = static_cast<std::ptrdiff_t>(values.size());
  append(Statement(snapshot,
                   "SELECT s.key, l.step, l.time_us, l.value FROM latest_values l CROSS JOIN series s "
                   "ON s.id = l.series_id WHERE l.run_id = ? AND s.kind = ? AND s.key <> 'test/accuracy' AND "
                   "s.key <> 'test/loss' AND s.key <> 'train/accuracy' AND s.key <> 'train/loss' "
                   "ORDER BY l.series_id LIMIT ?",
                   run, SeriesKind::kScalar, kMost - values.size()),
         values);
  std::sort(values.begin() + others, values.end(),
            [](const LatestValue& a, const LatestValue& b) { return a.key < b.key; });
  return values;
}

std::int64_t truncate_after(Transaction& transaction, RunId run, Step step) {
  std::int64_t removed = 0;
  for (const Series& series : series_of(transaction, run)) {
    // What has nothing later costs nothing, however long it is. A table of pairs may have rows later
    // than the last whole one.
    const bool later = series.progress.last_step > step || series.declaration.kind == SeriesKind::kPairs;
    if (!later && step >= 0) continue;
    const std::int64_t points = later ? remove_points(transaction, series, step) : 0;
    truncate_series(transaction, series, step, points);
    removed += points;
  }
  Statement(transaction, "DELETE FROM barriers WHERE run_id = ? AND step > ?", run, step).run();
  return removed;
}

}  // namespace hooke::storage
