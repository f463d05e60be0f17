// Session: applies one attempt's records inside a job of the writer. Private to server/ingest; used on the
// writer's thread alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "hooke/v1/worker.pb.h"
#include "server/ingest/series_cache.h"
#include "server/storage/fence.h"

namespace hooke::ingest {

class Session {
 public:
  // What a batch has done, once its transaction is committed.
  struct Applied {
    std::uint64_t committed = 0;  // last record
    std::int64_t records = 0;     // that were new
    std::string broken;           // the rule that the batch broke; empty: none
  };

  Session(storage::Clock clock, storage::AttemptKey key);

  // The last committed record. Throws storage::FencedError.
  std::uint64_t open(storage::Transaction& transaction);

  // Applies what is new. At a record that breaks the protocol it stops and fails the run.
  // Throws storage::FencedError; kOutOfRange when records are missing, kFailedPrecondition when those of
  // an earlier segment are; kInvalidArgument.
  Applied apply(storage::Transaction& transaction, const v1::RecordBatch& batch);

 private:
  void reload(storage::Transaction& transaction, const storage::FencedAttempt& attempt);
  void save(storage::Transaction& transaction, const Applied& applied);
  void end_run(storage::Transaction& transaction, storage::RunState state, const storage::Reason& reason);

  // One record. Throws kInvalidArgument for a broken rule, before anything of it is stored.
  void apply_record(storage::Transaction& transaction, const v1::Record& record);
  void apply_start(storage::Transaction& transaction, const v1::AttemptStart& start);
  void begin_segment(storage::Transaction& transaction);
  void check_segment(storage::Transaction& transaction, const v1::AttemptStart& start);
  void note_time(TimeUs recorded_us);
  void apply_declaration(storage::Transaction& transaction, const v1::SeriesDeclaration& message);
  void apply_scalars(storage::Transaction& transaction, std::uint64_t record, const v1::ScalarPoints& points);
  void apply_matrix(storage::Transaction& transaction, const v1::MatrixPoint& point);
  void apply_pairs(storage::Transaction& transaction, const v1::PairsPoint& point);
  void apply_barrier(storage::Transaction& transaction, std::uint64_t record, const v1::Barrier& barrier);
  void apply_end(storage::Transaction& transaction, const v1::End& end);

  const storage::Clock clock_;
  const storage::AttemptKey key_;

  // What the database says, as long as its last record for the attempt is `last_record_`. Absent: to
  // be read anew.
  std::optional<std::uint64_t> last_record_;
  SeriesCache series_;
  Step last_barrier_ = -1;

  // Of the batch that is being applied.
  storage::FencedAttempt attempt_;
  TimeUs now_ = 0;
  Step step_ = -1;
  std::optional<std::int64_t> total_steps_;
  std::optional<TimeUs> record_us_;
  storage::Reason end_reason_;
  unsigned changes_ = 0;
};

}  // namespace hooke::ingest
