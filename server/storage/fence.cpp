#include "server/storage/fence.h"

#include "server/storage/attempts.h"
#include "server/storage/digest.h"
#include "server/storage/runs.h"
#include "server/storage/statement.h"

namespace hooke::storage {
namespace {

// What the row of run and attempt says beside what the caller gets.
struct Row {
  FencedAttempt attempt;
  RunState run_state = RunState::kQueued;
  std::int32_t newest = 0;
  std::string token_hash;  // empty: there is no such attempt
  std::optional<Outcome> outcome;
};

Row read_row(Transaction& transaction, const AttemptKey& key) {
  const std::string_view run_id = run_id_of(key.run);
  Statement row(
      transaction,
      "SELECT r.id, r.experiment_id, r.run_id, r.state, r.attempt, r.must_resume, r.failed_attempts, "
      "r.max_attempts, r.step, a.token_hash, a.worker, a.period_us, a.last_record, a.started_us, "
      "a.end_state, a.outcome, a.segment IS NOT NULL, coalesce(r.offline_id, '') FROM runs r LEFT JOIN "
      "attempts a ON a.run_id = r.id AND a.number = ? "
      "WHERE r.run_id = ?",
      key.number, run_id);
  if (!row.step()) throw FencedError(kRunDeleted, "there is no run " + std::string(run_id));
  Row found;
  FencedAttempt& attempt = found.attempt;
  attempt.run = {row.integer(0)};
  attempt.experiment = {row.integer(1)};
  attempt.run_id = row.text(2);
  attempt.number = key.number;
  found.run_state = row.enumeration<RunState>(3);
  found.newest = row.small(4);
  attempt.must_resume = row.boolean(5);
  attempt.failed_attempts = row.small(6);
  attempt.max_attempts = row.small(7);
  attempt.step = row.integer(8);
  if (row.null(9)) return found;
  found.token_hash = row.text(9);
  attempt.worker = row.text(10);
  attempt.period_us = row.integer(11);
  attempt.last_record = static_cast<std::uint64_t>(row.integer(12));
  attempt.started = !row.null(13);
  if (!row.null(14)) attempt.end_state = row.enumeration<RunState>(14);
  if (!row.null(15)) found.outcome = row.enumeration<Outcome>(15);
  attempt.is_segment = row.boolean(16);
  attempt.offline_id = row.text(17);
  return found;
}

void refuse_stale(const Row& row, const AttemptKey& key) {
  const std::string run = "run " + row.attempt.run_id;
  const std::string attempt = "attempt " + std::to_string(key.number) + " of " + run;
  if (row.token_hash.empty() || !equal_secrets(row.token_hash, sha256(key.token)))
    throw FencedError(kTokenInvalid, "the token is not that of " + attempt);
  if (row.run_state == RunState::kCancelled) throw FencedError(kRunCancelled, run + " was cancelled");
  const bool next_segment = row.attempt.is_segment && key.number > row.newest;
  const bool started_again = next_segment && row.run_state == RunState::kFailed;
  if (is_final(row.run_state) && !started_again)
    throw FencedError(kRunFinished, run + " has ended: it has " + name_of(row.run_state));
  if (row.newest != key.number && !next_segment)
    throw FencedError(kAttemptSuperseded,
                      attempt + " was superseded by attempt " + std::to_string(row.newest));
  if (row.outcome && *row.outcome != Outcome::kLapsed)
    throw FencedError(kAttemptSuperseded, attempt + " has ended; the run waits for another");
}

}  // namespace

FencedAttempt pass_fence(Transaction& transaction, const AttemptKey& key, TimeUs now) {
  Row row = read_row(transaction, key);
  refuse_stale(row, key);
  FencedAttempt& attempt = row.attempt;
  if (!row.outcome) {
    if (!attempt.is_segment) renew_lease(transaction, attempt.run, attempt.number, now);
    return attempt;
  }
  reopen_attempt(transaction, attempt.run, attempt.number, now);
  attempt.failed_attempts = count_failed_attempt(transaction, attempt.run, -1);
  StateChange running;
  running.state = RunState::kRunning;
  running.time_us = now;
  running.attempt = attempt.number;
  running.worker = attempt.worker;
  change_state(transaction, attempt.run, running);
  return attempt;
}

}  // namespace hooke::storage
