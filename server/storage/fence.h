// The fence: decides whether a call that carries an attempt may still write. Heartbeat, stream and
// finish all pass here, inside the transaction that does what the call asks for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "proto/hooke/error.h"
#include "server/storage/transaction.h"
#include "server/storage/types.h"

namespace hooke::storage {

// Why a call was fenced: the reason of google.rpc.ErrorInfo.
inline constexpr const char* kRunCancelled = "RUN_CANCELLED";
inline constexpr const char* kAttemptSuperseded = "ATTEMPT_SUPERSEDED";
inline constexpr const char* kRunFinished = "RUN_FINISHED";
inline constexpr const char* kRunDeleted = "RUN_DELETED";
inline constexpr const char* kTokenInvalid = "TOKEN_INVALID";
// The run was just failed: a record of this call broke the ingest protocol.
inline constexpr const char* kProtocolBroken = "PROTOCOL_BROKEN";

// kFailedPrecondition with a reason constant, for hooke::to_status(error, error.reason()).
class FencedError : public Error {
 public:
  FencedError(const char* reason, const std::string& message)
      : Error(Code::kFailedPrecondition, message), reason_(reason) {}
  const char* reason() const { return reason_; }

 private:
  const char* reason_;
};

// hooke.v1.AttemptRef.
struct AttemptKey {
  std::string run;  // run id or resource name
  std::int32_t number = 0;
  std::string token;
};

// What a call needs to know of the attempt that passed.
struct FencedAttempt {
  RunId run;
  ExperimentId experiment;
  std::string run_id;
  std::int32_t number = 0;
  std::string worker;
  TimeUs period_us = 0;
  std::uint64_t last_record = 0;
  Step step = -1;  // the run's
  bool started = false;
  std::optional<RunState> end_state;  // its End record was committed
  bool must_resume = false;
  std::int32_t failed_attempts = 0;
  std::int32_t max_attempts = 0;
  bool is_segment = false;  // of an offline run
  std::string offline_id;   // of the run; empty unless it is one
};

// Lets the attempt pass and gives its lease a full period from `now`. One that had lapsed is
// reopened under its number, its run is running again, and the lapse does not count any more.
// A segment of an offline run has no lease; it passes until the first record of a later one is stored,
// or its own End. One after a segment that has failed passes, since the run was started again.
// Throws FencedError; a run that is not there counts as deleted.
FencedAttempt pass_fence(Transaction& transaction, const AttemptKey& key, TimeUs now);

}  // namespace hooke::storage
