// Tail and WatchRuns: what has changed since the last look. Each object follows a fixed set of runs
// for one stream; it belongs to one thread at a time and blocks while it reads.
//
// The stream wakes it with what storage::Changes says; it reads a new snapshot and never relies on
// the wake-ups alone: what counts is the difference between the database and its own cursor.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hooke/v1/experiment.pb.h"
#include "hooke/v1/query.pb.h"
#include "server/query/feed.h"
#include "server/query/phase_watch.h"
#include "server/storage/changes.h"
#include "server/storage/readers.h"
#include "server/storage/runs.h"
#include "server/storage/series.h"

namespace hooke::query {

// Runs that one stream may follow.
inline constexpr std::size_t kMostFollowedRuns = 1000;

// Follows the state of runs.
class RunWatch {
 public:
  // Throws hooke::Error as find_all_runs does.
  RunWatch(storage::Readers& readers, const v1::WatchRunsRequest& request);

  storage::Changes::Filter filter() const { return {runs_, {}}; }
  FeedStep<v1::WatchRunsResponse> next(const storage::Changes::Batch& batch);

 private:
  storage::Readers& readers_;
  std::set<RunId> runs_;
  std::set<RunId> dirty_;  // to be looked at
  std::set<RunId> ended_;  // in a final state when last looked at
};

// Follows runs' points and, where the request asks for them, their phases. The cursor (JSON, opaque to
// clients) holds, for each run, the attempt whose start was seen and the last step sent of each series.
class Tail {
 public:
  // Throws hooke::Error as find_all_runs and phase_question do; kInvalidArgument for a cursor that is none.
  Tail(storage::Readers& readers, const v1::TailRequest& request);

  storage::Changes::Filter filter() const;
  FeedStep<v1::TailResponse> next(const storage::Changes::Batch& batch);

 private:
  struct Position {
    std::int32_t attempt = 0;           // the newest whose start was seen
    std::map<std::int64_t, Step> last;  // series number -> last step sent
  };

  struct Budget;

  void read_cursor(const std::string& cursor);
  std::string cursor() const;
  // Looks at one run; false when there is more of it than one message takes.
  bool look(storage::Snapshot& snapshot, RunId id, FeedStep<v1::TailResponse>& step);
  // Reads what has come since, as much as one message takes; false when there is more.
  bool read_points(storage::Snapshot& snapshot, RunId id, v1::TailPoints& points);
  // Points of one series from `next` on. Return the last step read; absent when none fits.
  static std::optional<Step> read_column(storage::Snapshot& snapshot, const storage::Series& series,
                                         Step next, Budget& budget, v1::TailPoints& points);
  static std::optional<Step> read_matrix_column(storage::Snapshot& snapshot, const storage::Series& series,
                                                Step next, Budget& budget, v1::TailPoints& points);
  void cut_back(storage::Snapshot& snapshot, const storage::Run& run, FeedStep<v1::TailResponse>& step);
  v1::TailResponse& add(FeedStep<v1::TailResponse>& step) const;

  storage::Readers& readers_;
  std::set<std::string> keys_;  // empty: all
  const bool without_points_;
  std::map<RunId, Position> positions_;
  std::map<std::string, RunId> ids_;  // by the id that users type
  std::set<RunId> dirty_;
  std::set<RunId> changed_;  // whose own record is to be sent
  std::set<RunId> ended_;
  std::optional<PhaseWatch> phases_;
};

}  // namespace hooke::query
