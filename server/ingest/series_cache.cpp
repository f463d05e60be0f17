#include "server/ingest/series_cache.h"

#include <limits>
#include <utility>

#include "server/storage/points.h"

namespace hooke::ingest {

void SeriesCache::load(storage::Snapshot& snapshot, RunId run) {
  run_ = run;
  entries_.clear();
  touched_.clear();
  pending_.reset();
  const auto pending = storage::pending_pairs(snapshot, run);
  for (auto& series : storage::series_of(snapshot, run)) {
    std::string key = series.declaration.key;
    const auto made = entries_.emplace(std::move(key), Entry{series.id, std::move(series.declaration),
                                                             series.progress, std::nullopt, false, 0});
    if (pending && pending->series == series.id)
      pending_ = {&made.first->second, pending->step, pending->rows};
  }
}

SeriesCache::Entry* SeriesCache::find(std::string_view key) {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

SeriesCache::Entry& SeriesCache::insert(storage::Transaction& transaction,
                                        const storage::SeriesDeclaration& declaration) {
  const SeriesId id = storage::insert_series(transaction, run_, declaration);
  return entries_.emplace(declaration.key, Entry{id, declaration, {}, std::nullopt, false, 0}).first->second;
}

// Before the point is stored: the builder reads what is there.
storage::LevelBuilder& SeriesCache::levels_of(storage::Transaction& transaction, Entry& entry) const {
  if (!entry.levels)
    entry.levels.emplace(transaction, storage::Series{entry.id, run_, entry.declaration, entry.progress});
  return *entry.levels;
}

void SeriesCache::append_scalar(storage::Transaction& transaction, Entry& entry, Step step, TimeUs time_us,
                                double value) {
  storage::LevelBuilder& levels = levels_of(transaction, entry);
  storage::insert_scalar(transaction, entry.id, step, time_us, value);
  levels.add_scalar(transaction, step, value);
  advance(entry, step, time_us, value);
}

void SeriesCache::append_matrix(storage::Transaction& transaction, Entry& entry, Step step, TimeUs time_us,
                                std::string_view planes) {
  storage::LevelBuilder& levels = levels_of(transaction, entry);
  storage::insert_matrix(transaction, entry.id, step, time_us, planes);
  levels.add_matrix(transaction, step, planes);
  advance(entry, step, time_us, std::numeric_limits<double>::quiet_NaN());
}

void SeriesCache::append_pairs(storage::Transaction& transaction, Entry& entry,
                               const storage::PairsBlock& rows, bool whole) {
  storage::insert_pairs(transaction, entry.id, rows);
  if (!whole) {
    pending_ = {&entry, rows.step, rows.first_row + rows.rows};
    return;
  }
  pending_.reset();
  advance(entry, rows.step, rows.time_us, std::numeric_limits<double>::quiet_NaN());
}

void SeriesCache::advance(Entry& entry, Step step, TimeUs time_us, double value) {
  storage::SeriesProgress& progress = entry.progress;
  if (progress.count++ == 0) progress.first_step = step;
  progress.last_step = step;
  progress.last_time_us = time_us;
  progress.last_value = value;
  if (!std::exchange(entry.touched, true)) touched_.push_back(&entry);
}

void SeriesCache::save(storage::Transaction& transaction) {
  for (Entry* entry : std::exchange(touched_, {})) {
    storage::save_progress(transaction, run_, entry->id, entry->progress);
    entry->touched = false;
  }
}

}  // namespace hooke::ingest
