// SeriesCache: the series of one run as its stream sees them, so that a point costs one INSERT and no
// lookup. Private to server/ingest; used on the writer's thread alone.
//
// Invariant: between jobs it equals the database, or its Session throws it away.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/storage/levels.h"
#include "server/storage/pairs.h"
#include "server/storage/series.h"

namespace hooke::ingest {

class SeriesCache {
 public:
  struct Entry {
    SeriesId id;
    storage::SeriesDeclaration declaration;
    storage::SeriesProgress progress;
    std::optional<storage::LevelBuilder> levels;  // once there was a point
    bool touched = false;                         // `progress` is to be saved
    std::uint64_t checked_record = 0;             // last record that named it, to see one that names it twice
  };

  // Reads it anew.
  void load(storage::Snapshot& snapshot, RunId run);

  // Null: the run has no such series.
  Entry* find(std::string_view key);
  Entry& insert(storage::Transaction& transaction, const storage::SeriesDeclaration& declaration);
  std::size_t size() const { return entries_.size(); }

  // Stores a point after the series' last one.
  void append_scalar(storage::Transaction& transaction, Entry& entry, Step step, TimeUs time_us,
                     double value);
  void append_matrix(storage::Transaction& transaction, Entry& entry, Step step, TimeUs time_us,
                     std::string_view planes);

  // The table of pairs of which rows are to come.
  struct Pending {
    Entry* entry = nullptr;
    Step step = 0;
    std::int32_t rows = 0;  // that have come
  };
  const std::optional<Pending>& pending() const { return pending_; }
  // Stores rows of a table; the table is the series' new point when they make it `whole`.
  void append_pairs(storage::Transaction& transaction, Entry& entry, const storage::PairsBlock& rows,
                    bool whole);

  // Stores the progress of the series that have new points.
  void save(storage::Transaction& transaction);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };

  storage::LevelBuilder& levels_of(storage::Transaction& transaction, Entry& entry) const;
  void advance(Entry& entry, Step step, TimeUs time_us, double value);

  RunId run_;
  std::unordered_map<std::string, Entry, Hash, std::equal_to<>> entries_;
  std::vector<Entry*> touched_;
  std::optional<Pending> pending_;
};

}  // namespace hooke::ingest
