// ExportRun: everything stored of a run, as a source of a server stream (server/query/feed.h). An object
// belongs to one stream and to one thread at a time; it blocks while it reads.
//
// Each step reads a snapshot of its own, for a long one would keep the write-ahead log from shrinking.
// The points up to the run's last step at the beginning do not change, unless another attempt starts,
// which is looked for each time.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "hooke/v1/query.pb.h"
#include "server/query/feed.h"
#include "server/storage/changes.h"
#include "server/storage/readers.h"
#include "server/storage/runs.h"
#include "server/storage/series.h"

namespace hooke::query {

class RunExport {
 public:
  // Throws hooke::Error as find_run does.
  RunExport(storage::Readers& readers, const v1::ExportRunRequest& request);

  storage::Changes::Filter filter() const { return {{run_}, {}}; }
  // Throws hooke::Error: kNotFound (deleted meanwhile), kAborted (another attempt has started).
  FeedStep<v1::ExportRunResponse> next(const storage::Changes::Batch& batch);

 private:
  // The series that is being sent.
  struct Open {
    storage::Series series;
    std::vector<std::size_t> figures;  // views of a matrix that are sent as its figures
    Step next = 0;                     // first step to be sent
    std::vector<Step> tables;          // of pairs: the steps that are left, last first
    std::int32_t row = 0;              // of the table at tables.back()
  };

  void begin(storage::Snapshot& snapshot, FeedStep<v1::ExportRunResponse>& step);
  // False: there is none left.
  bool open_next(storage::Snapshot& snapshot, FeedStep<v1::ExportRunResponse>& step);
  // The next points of the open series; closes it when they are its last. Returns their bytes, about.
  std::size_t read_points(storage::Snapshot& snapshot, FeedStep<v1::ExportRunResponse>& step);
  std::size_t read_scalars(storage::Snapshot& snapshot, v1::ExportedScalars& to);
  std::size_t read_matrices(storage::Snapshot& snapshot, v1::ExportedMatrices& to);
  std::size_t read_pairs(storage::Snapshot& snapshot, v1::ExportedPairs& to);
  void check_unchanged(storage::Snapshot& snapshot) const;

  storage::Readers& readers_;
  const bool without_pairs_;
  const bool with_figures_;
  RunId run_;
  std::string run_id_;
  std::int32_t attempt_ = 0;  // the newest that had started
  Step last_ = -1;            // the run's last step
  bool begun_ = false;
  std::string after_;  // key of the last series that was opened
  std::optional<Open> open_;
};

}  // namespace hooke::query
