#include "server/ingest/series_cache.h"

#include <utility>

namespace hooke::ingest {

void SeriesCache::load(storage::Snapshot& snapshot, RunId run) {
  run_ = run;
  entries_.clear();
  touched_.clear();
  for (auto& series : storage::series_of(snapshot, run)) {
    std::string key = series.declaration.key;
    entries_.emplace(std::move(key),
                     Entry{series.id, std::move(series.declaration), series.progress, false, 0});
  }
}

SeriesCache::Entry* SeriesCache::find(std::string_view key) {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

SeriesCache::Entry& SeriesCache::insert(storage::Transaction& transaction,
                                        const storage::SeriesDeclaration& declaration) {
  const SeriesId id = storage::insert_series(transaction, run_, declaration);
  return entries_.emplace(declaration.key, Entry{id, declaration, {}, false, 0}).first->second;
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
