// How an attempt begins and ends, and what that makes of its run. Each works inside a job of the writer
// and writes the run's history. Private to server/scheduling.
#pragma once

#include <optional>
#include <string>

#include "server/storage/attempts.h"
#include "server/storage/fence.h"
#include "server/storage/runs.h"

namespace hooke::scheduling {

// queued -> running, under a new attempt.
void begin_attempt(storage::Transaction& transaction, const storage::NewAttempt& attempt);

// Ends an attempt that passed the fence; returns the run's new state. A crash counts: the run goes
// back to the queue, or fails when it has no attempt left.
storage::RunState conclude(storage::Transaction& transaction, const storage::FencedAttempt& attempt,
                           storage::Outcome outcome, const storage::Reason& reason, TimeUs now);

// The run's state, when this attempt (by its token) has ended with this outcome before.
std::optional<storage::RunState> state_after_repeat(storage::Transaction& transaction,
                                                    const storage::AttemptKey& key, storage::Outcome outcome);

// A lease ran out. It counts as a crash does, unless its End record is stored: that decides then.
void lapse(storage::Transaction& transaction, const storage::Attempt& attempt, TimeUs now);

// running -> queued: Slurm has started the attempt's task again, or will. It does not count.
void supersede(storage::Transaction& transaction, const storage::Attempt& attempt, const std::string& why,
               TimeUs now);

// running -> cancelled | failed, by `outcome`: nobody will go on.
void end_for_good(storage::Transaction& transaction, const storage::Attempt& attempt,
                  storage::Outcome outcome, const storage::Reason& reason, TimeUs now);

// queued | running -> cancelled.
void cancel_run(storage::Transaction& transaction, const storage::Run& run, const std::string& by,
                TimeUs now);

}  // namespace hooke::scheduling
