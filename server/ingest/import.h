// Imports: scalar series from elsewhere -> a new experiment of one run that has succeeded.
//
// An Import belongs to one call and one thread. It checks and keeps what comes, and stores it in one
// transaction once it is whole: all or nothing. The writer is busy with it for seconds when it is very
// large (about 1.5 s a million points); workers and their leases wait that long and lose nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "hooke/v1/experiment.pb.h"
#include "server/storage/runs.h"
#include "server/storage/writer.h"

namespace hooke::ingest {

// What all imports share. Owned by server/app; borrows the Writer. Thread-safe.
class Importer {
 public:
  Importer(storage::Writer& writer, storage::Clock clock, storage::Random random)
      : writer_(writer), clock_(std::move(clock)), random_(std::move(random)) {}

  // The server stops: what is not stored yet is given up, with kUnavailable.
  void stop() { stopped_ = true; }

 private:
  friend class Import;
  storage::Writer& writer_;
  const storage::Clock clock_;
  const storage::Random random_;
  std::atomic<bool> stopped_ = false;
  std::atomic<int> open_ = 0;
};

class Import {
 public:
  // Throws kResourceExhausted when there are too many at a time.
  explicit Import(Importer& importer);
  ~Import() { --importer_.open_; }
  Import(const Import&) = delete;
  Import& operator=(const Import&) = delete;

  // The next message. Throws hooke::Error: kInvalidArgument that names series and step, kResourceExhausted.
  void add(const v1::ImportSeriesRequest& request);

  // Stores everything; blocks until it is on disk. Returns the run: when the request id was used for the
  // same messages, the one that they made then.
  // Throws hooke::Error: kInvalidArgument when the last message has not come or there is no point;
  // kAlreadyExists when the request id was used for something else; kUnavailable.
  storage::Run commit(const std::string& submitter);

  std::int64_t points() const { return points_; }

 private:
  struct Column {
    std::vector<Step> step;
    std::vector<TimeUs> time_us;
    std::vector<double> value;
  };

  void add_column(const v1::ScalarColumn& column);
  storage::Run store(storage::Transaction& transaction, const std::string& submitter) const;
  Step store_points(storage::Transaction& transaction, RunId run) const;

  Importer& importer_;
  const TimeUs now_;
  bool begun_ = false;
  bool whole_ = false;
  std::string name_, request_id_, source_;
  std::string hash_;  // of all messages so far
  std::map<std::string, Column> columns_;
  std::int64_t points_ = 0;
};

}  // namespace hooke::ingest
