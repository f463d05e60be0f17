// Levels: the extremes of 16, 256, 4096 … neighbouring points of a series, kept as points arrive, so
// that a curve of any length is drawn from few rows. A matrix has them for each of its views
// (server/analysis/views.h). Records and SQL.
//
// Invariant: level l covers, from its first point on, all points but the newest, fewer than 16^l.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "server/analysis/extremes.h"
#include "server/storage/points.h"
#include "server/storage/series.h"
#include "server/storage/transaction.h"

namespace hooke::storage {

inline constexpr std::int64_t kPointsPerBucket = 16;
// Matrices of more classes have no levels: what a key asks of them is read from all of them.
inline constexpr std::size_t kMostLeveledClasses = 128;

// Of 16^level neighbouring points, for one view.
struct Bucket {
  Step first_step = 0, last_step = 0;
  analysis::Extremes extremes;
};

// Keeps the levels of one series while points are appended. Belongs to whoever appends them, on the
// writer's thread; made anew after a transaction that failed or a truncation.
class LevelBuilder {
 public:
  // Reads what is not in a full bucket yet; builds what is missing, as of points that an earlier version
  // of the schema has stored.
  LevelBuilder(Transaction& transaction, const Series& series);

  // REQUIRES: the point was stored, and is the series' last.
  void add_scalar(Transaction& transaction, Step step, double value);
  void add_matrix(Transaction& transaction, Step step, std::string_view planes);

 private:
  struct Open {  // a bucket that is not full yet
    Step first_step = 0, last_step = 0;
    std::int64_t parts = 0;  // points, or buckets of the level below
    std::vector<analysis::Extremes> views;
  };

  void read_points(Transaction& transaction, Step after);
  void add_views(Transaction& transaction, Step step, std::span<const double> views);
  void close(Transaction& transaction, std::size_t level);
  Open& open_at(std::size_t level);

  SeriesId series_;
  SeriesDeclaration declaration_;
  bool leveled_ = true;
  std::vector<Open> open_;  // [level]: of level + 1
};

// How many levels the series has.
int count_levels(Snapshot& snapshot, SeriesId series);
// The full buckets of a level, from 1, that lie in the range as a whole, by step.
std::vector<Bucket> read_level(Snapshot& snapshot, SeriesId series, int level, StepRange range,
                               std::size_t view);

// Removes the buckets that have a point later than `step`.
void truncate_levels(Transaction& transaction, SeriesId series, Step step);

// Builds the levels of every series that lacks them.
void build_all_levels(Transaction& transaction);

}  // namespace hooke::storage
