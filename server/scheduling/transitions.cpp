#include "server/scheduling/transitions.h"

#include "server/storage/digest.h"
#include "server/storage/workers.h"

namespace hooke::scheduling {
namespace {

using storage::Outcome;
using storage::Reason;
using storage::ReasonKind;
using storage::RunState;
using storage::StateChange;
using storage::Transaction;

// What the end of an attempt needs to know of it, wherever it was read from.
struct Ending {
  RunId run;
  std::int32_t attempt = 0;
  std::string worker;
  std::int32_t max_attempts = 0;
};

Reason exhausted(const Ending& ending, const Reason& last) {
  Reason reason = last;
  reason.kind = ReasonKind::kAttemptsExhausted;
  reason.message = std::to_string(ending.max_attempts) + " of " + std::to_string(ending.max_attempts) +
                   " attempts have failed";
  if (!last.message.empty()) reason.message += "; the last: " + last.message;
  return reason;
}

RunState end(Transaction& transaction, const Ending& ending, Outcome outcome, const Reason& reason,
             TimeUs now) {
  StateChange change;
  change.time_us = now;
  change.attempt = ending.attempt;
  change.worker = ending.worker;
  change.reason = reason;
  switch (outcome) {
    case Outcome::kSucceeded:
      change.state = RunState::kSucceeded;
      change.reason = {};
      break;
    case Outcome::kFailed:
      change.state = RunState::kFailed;
      break;
    case Outcome::kCancelled:
      change.state = RunState::kCancelled;
      break;
    case Outcome::kReturned:
    case Outcome::kSuperseded:
      change.state = RunState::kQueued;
      break;
    case Outcome::kCrashed:
    case Outcome::kLapsed:
      change.state = RunState::kQueued;
      if (storage::count_failed_attempt(transaction, ending.run, +1) >= ending.max_attempts) {
        change.state = RunState::kFailed;
        change.reason = exhausted(ending, reason);
      }
      break;
  }
  storage::end_attempt(transaction, ending.run, ending.attempt, outcome, reason, now);
  storage::change_state(transaction, ending.run, change);
  return change.state;
}

Reason with_default(Reason reason, ReasonKind kind, const char* message) {
  if (reason.kind == ReasonKind::kNone) reason.kind = kind;
  if (reason.message.empty()) reason.message = message;
  return reason;
}

Reason complete(const Reason& reason, Outcome outcome) {
  switch (outcome) {
    case Outcome::kFailed:
      return with_default(reason, ReasonKind::kException, "the training has failed");
    case Outcome::kCrashed:
      return with_default(reason, ReasonKind::kExit, "the trainer has crashed");
    case Outcome::kReturned:
      return with_default(reason, ReasonKind::kReturned, "the worker gave the run back");
    default:
      return {};
  }
}

}  // namespace

void begin_attempt(Transaction& transaction, const storage::NewAttempt& attempt) {
  storage::insert_attempt(transaction, attempt);
  if (attempt.slurm)
    storage::set_slurm_job(transaction, attempt.run, *attempt.slurm);
  else
    storage::forget_slurm_job(transaction, attempt.run);
  StateChange running;
  running.state = RunState::kRunning;
  running.time_us = attempt.granted_us;
  running.attempt = attempt.number;
  running.worker = attempt.worker;
  storage::change_state(transaction, attempt.run, running);
  storage::set_worker_run(transaction, attempt.worker, attempt.run, attempt.granted_us);
}

RunState conclude(Transaction& transaction, const storage::FencedAttempt& attempt, Outcome outcome,
                  const Reason& reason, TimeUs now) {
  storage::set_worker_run(transaction, attempt.worker, std::nullopt, now);
  return end(transaction, {attempt.run, attempt.number, attempt.worker, attempt.max_attempts}, outcome,
             complete(reason, outcome), now);
}

std::optional<RunState> state_after_repeat(Transaction& transaction, const storage::AttemptKey& key,
                                           Outcome outcome) {
  const auto run = storage::find_run(transaction, storage::run_id_of(key.run));
  if (!run) return std::nullopt;
  const auto attempt = storage::find_attempt(transaction, run->id, key.number);
  if (!attempt || attempt->outcome != outcome ||
      !storage::equal_secrets(attempt->token_hash, storage::sha256(key.token)))
    return std::nullopt;
  return run->state;
}

void lapse(Transaction& transaction, const storage::Attempt& attempt, TimeUs now) {
  const auto run = storage::find_run(transaction, attempt.run);
  const Ending ending{attempt.run, attempt.number, attempt.worker, run->max_attempts};
  storage::set_worker_run(transaction, attempt.worker, std::nullopt, now);
  if (attempt.end_state) {
    const bool succeeded = *attempt.end_state == RunState::kSucceeded;
    end(transaction, ending, succeeded ? Outcome::kSucceeded : Outcome::kFailed, attempt.end_reason, now);
    return;
  }
  Reason reason;
  reason.kind = ReasonKind::kLeaseLapsed;
  reason.message = "nothing was heard of worker " + attempt.worker + " for " +
                   std::to_string(attempt.period_us / 1'000'000) + " s";
  end(transaction, ending, Outcome::kLapsed, reason, now);
}

void supersede(Transaction& transaction, const storage::Attempt& attempt, const std::string& why,
               TimeUs now) {
  Reason reason;
  reason.kind = ReasonKind::kReturned;
  reason.message = why;
  end_for_good(transaction, attempt, Outcome::kSuperseded, reason, now);
}

void end_for_good(Transaction& transaction, const storage::Attempt& attempt, Outcome outcome,
                  const Reason& reason, TimeUs now) {
  const auto run = storage::find_run(transaction, attempt.run);
  storage::set_worker_run(transaction, attempt.worker, std::nullopt, now);
  end(transaction, {attempt.run, attempt.number, attempt.worker, run->max_attempts}, outcome, reason, now);
}

void cancel_run(Transaction& transaction, const storage::Run& run, const std::string& by, TimeUs now) {
  Reason reason;
  reason.kind = ReasonKind::kCancelled;
  reason.message = by.empty() ? "cancelled" : "cancelled by " + by;
  const auto attempt = storage::find_attempt(transaction, run.id, run.attempt);
  if (attempt && !attempt->outcome) {
    end(transaction, {run.id, attempt->number, attempt->worker, run.max_attempts}, Outcome::kCancelled,
        reason, now);
    return;
  }
  StateChange cancelled;
  cancelled.state = RunState::kCancelled;
  cancelled.time_us = now;
  cancelled.reason = reason;
  storage::change_state(transaction, run.id, cancelled);
}

}  // namespace hooke::scheduling
