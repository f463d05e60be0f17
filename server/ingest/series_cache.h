// SeriesCache: the series of one run as its stream sees them, so that a point costs one INSERT and no
// lookup. Private to server/ingest; used on the writer's thread alone.
//
// Invariant: between jobs it equals the database, or its Session throws it away.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/storage/series.h"

namespace hooke::ingest {

class SeriesCache {
 public:
  struct Entry {
    SeriesId id;
    storage::SeriesDeclaration declaration;
    storage::SeriesProgress progress;
    bool touched = false;              // `progress` is to be saved
    std::uint64_t checked_record = 0;  // last record that named it, to see one that names it twice
  };

  // Reads it anew.
  void load(storage::Snapshot& snapshot, RunId run);

  // Null: the run has no such series.
  Entry* find(std::string_view key);
  Entry& insert(storage::Transaction& transaction, const storage::SeriesDeclaration& declaration);
  std::size_t size() const { return entries_.size(); }

  // The series has a new point.
  void advance(Entry& entry, Step step, TimeUs time_us, double value);

  // Stores the progress of the series that have new points.
  void save(storage::Transaction& transaction);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };

  RunId run_;
  std::unordered_map<std::string, Entry, Hash, std::equal_to<>> entries_;
  std::vector<Entry*> touched_;
};

}  // namespace hooke::ingest
