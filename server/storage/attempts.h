// Attempts (grants of a run's lease) and barriers: records and SQL.
//
// An attempt is open while `outcome` is absent. A lapsed one has an outcome, but may go on until
// another is granted: server/storage/fence.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/storage/transaction.h"
#include "server/storage/types.h"

namespace hooke::storage {

struct NewAttempt {
  RunId run;
  std::int32_t number = 0;
  std::string token_hash;   // SHA-256 of the token, 32 bytes
  std::string token_nonce;  // what the token was derived from, beside the server's secret
  std::string request_id;   // of the lease; unique; empty for a segment
  std::string worker;
  TimeUs granted_us = 0;
  TimeUs period_us = 0;
  std::optional<SlurmJob> slurm;
  bool is_segment = false;  // of an offline run; its number is the segment's
};

struct Attempt {
  RunId run;
  std::int32_t number = 0;
  std::string token_hash;
  std::string token_nonce;
  std::string request_id;
  std::string worker;
  TimeUs granted_us = 0;
  TimeUs period_us = 0;
  std::optional<TimeUs> expires_us;  // absent without a live lease
  std::optional<TimeUs> ended_us;
  std::optional<Outcome> outcome;
  Reason reason;
  std::optional<TimeUs> started_us;  // AttemptStart was committed
  std::optional<Step> resume_step;   // absent: from the beginning (once started)
  std::uint64_t last_record = 0;     // last committed record number
  std::int64_t total_steps = 0;
  std::string provenance_json;        // hooke.v1.Provenance as JSON; empty: not said
  std::optional<RunState> end_state;  // of the End record, once committed
  Reason end_reason;
  std::vector<std::string> log_tail;
  std::optional<SlurmJob> slurm;  // without `state`
  bool is_segment = false;        // of an offline run
};

struct Barrier {
  std::int32_t attempt = 0;
  std::uint64_t record = 0;
  Step step = 0;
  std::string attempt_id = {};  // of the attempt, as id_of says; not stored with the barrier
};

// Tells an attempt from every other, also from one of the same number that a restored backup forgot.
std::string id_of(const Attempt& attempt);

// Also makes it the run's newest and sets the run's start time. A segment of an offline run gets no
// lease, and is made the newest by its first record: begin_segment.
void insert_attempt(Transaction& transaction, const NewAttempt& attempt);
std::optional<Attempt> find_attempt(Snapshot& snapshot, RunId run, std::int32_t number);
std::optional<Attempt> find_attempt_by_request(Snapshot& snapshot, std::string_view request_id);
// Oldest first.
std::vector<Attempt> attempts_of(Snapshot& snapshot, RunId run);

// A segment's first record is here: it is the run's newest attempt, and nothing more is taken of those
// before it.
void begin_segment(Transaction& transaction, RunId run, std::int32_t number, const std::string& worker,
                   TimeUs now);

// A full period from `now`.
void renew_lease(Transaction& transaction, RunId run, std::int32_t number, TimeUs now);
// The same for every live lease; returns how many.
std::int64_t renew_all_leases(Transaction& transaction, TimeUs now);
// Live leases that ended at `now` or before, oldest first.
std::vector<Attempt> expired_attempts(Snapshot& snapshot, TimeUs now, std::size_t limit);

// Ends it: no lease any more.
void end_attempt(Transaction& transaction, RunId run, std::int32_t number, Outcome outcome,
                 const Reason& reason, TimeUs now);
// Takes the end back: live, with a full period from `now`.
void reopen_attempt(Transaction& transaction, RunId run, std::int32_t number, TimeUs now);
void set_log_tail(Transaction& transaction, RunId run, std::int32_t number,
                  const std::vector<std::string>& lines);
// Of the newest attempt that ended and left one.
std::vector<std::string> log_tail(Snapshot& snapshot, RunId run);

// What records say of their attempt.
struct AttemptStarted {
  std::optional<Step> resume_step;
  std::int64_t total_steps = 0;
  TimeUs started_us = 0;
};
void start_attempt(Transaction& transaction, RunId run, std::int32_t number, const AttemptStarted& started);
void set_last_record(Transaction& transaction, RunId run, std::int32_t number, std::uint64_t last_record);
void set_provenance(Transaction& transaction, RunId run, std::int32_t number, const std::string& json);
void set_end_record(Transaction& transaction, RunId run, std::int32_t number, RunState state,
                    const Reason& reason);
// Of the newest attempt that said one; empty: none has.
std::string provenance_json(Snapshot& snapshot, RunId run);

void insert_barrier(Transaction& transaction, RunId run, const Barrier& barrier);
// Oldest first.
std::vector<Barrier> barriers_of(Snapshot& snapshot, RunId run);
// Whether there is one at this step.
bool has_barrier(Snapshot& snapshot, RunId run, Step step);
// Step of the last barrier that an attempt which succeeded left, or one before it; absent without one.
std::optional<Step> final_barrier(Snapshot& snapshot, RunId run);

}  // namespace hooke::storage
