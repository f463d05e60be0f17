// Queue::update_slurm_jobs: what Slurm says of runs' tasks.
#include "server/scheduling/slurm.h"

#include <algorithm>
#include <array>

#include "server/scheduling/grants.h"
#include "server/scheduling/queue.h"
#include "server/scheduling/transitions.h"
#include "server/storage/limits.h"

namespace hooke::scheduling {
namespace {

using storage::Outcome;
using storage::Reason;
using storage::ReasonKind;
using storage::Run;
using storage::RunState;
using storage::SlurmJob;
using storage::Transaction;

constexpr std::size_t kMaxStateBytes = 256;
constexpr std::size_t kMaxNodesBytes = 1024;

bool same_job(const std::optional<SlurmJob>& a, const SlurmJob& b) {
  return a && a->cluster == b.cluster && a->job_id == b.job_id;
}

bool is_over(SlurmPhase phase) {
  return phase == SlurmPhase::kCancelled || phase == SlurmPhase::kEnded || phase == SlurmPhase::kForgotten;
}

void check(const SlurmReport& report) {
  require_text("jobs.run", report.run, kMaxNameBytes);
  check_slurm_job("jobs.job", report.job);
}

Reason reason_of(const SlurmJob& job, SlurmPhase phase) {
  Reason reason;
  reason.kind = phase == SlurmPhase::kCancelled ? ReasonKind::kCancelled : ReasonKind::kLeaseLapsed;
  reason.message = phase == SlurmPhase::kForgotten
                       ? "Slurm does not know its task " + job.job_id +
                             " any more (cancelled before its start, or forgotten)"
                       : "Slurm ended its task " + job.job_id + ": " + job.state;
  return reason;
}

// The run has an attempt that is open, by the job reported.
void tell_running(Transaction& transaction, const Run& run, const storage::Attempt& attempt,
                  const SlurmJob& job, SlurmPhase phase, TimeUs now) {
  if (phase == SlurmPhase::kWaiting && job.restart_count > attempt.slurm->restart_count) {
    supersede(transaction, attempt, "Slurm queued its task " + job.job_id + " again", now);
    return;
  }
  // While it is heard of, a worker knows better than a Slurm that has forgotten it; then its lease lapses.
  if (!is_over(phase) || phase == SlurmPhase::kForgotten) return;
  if (job.restart_count < attempt.slurm->restart_count) return;
  if (attempt.end_state || run.executor.empty()) {
    lapse(transaction, attempt, now);  // another worker may go on
    return;
  }
  end_for_good(transaction, attempt, phase == SlurmPhase::kCancelled ? Outcome::kCancelled : Outcome::kFailed,
               reason_of(job, phase), now);
}

// Nobody else will begin a queued run whose task is gone. A task that did its work leaves a queued run when
// it could not reach the server: its records are still to come, from its spool.
void tell_queued(Transaction& transaction, const Run& run, const SlurmJob& job, SlurmPhase phase,
                 TimeUs now) {
  if (!is_over(phase) || run.executor.empty() || job.state.starts_with("COMPLETED")) return;
  storage::StateChange over;
  over.state = phase == SlurmPhase::kCancelled ? RunState::kCancelled : RunState::kFailed;
  over.time_us = now;
  over.attempt = run.attempt;
  over.reason = reason_of(job, phase);
  storage::change_state(transaction, run.id, over);
}

void tell(Transaction& transaction, const Run& run, const SlurmJob& job, TimeUs now) {
  const SlurmPhase phase = phase_of(job.state);
  const bool same = same_job(run.slurm, job);
  // An earlier start of the task, and the end of another task than the run's, say nothing of the run.
  if (same && job.restart_count < run.slurm->restart_count) return;
  if (!same && is_over(phase)) return;
  // A task that was launched again for the run before it was queued again.
  const auto attempt = storage::find_attempt(transaction, run.id, run.attempt);
  const bool open = run.state == RunState::kRunning && attempt && !attempt->outcome;
  if (!same && open) return;
  storage::set_slurm_job(transaction, run.id, job);
  if (open && same_job(attempt->slurm, job)) tell_running(transaction, run, *attempt, job, phase, now);
  if (run.state == RunState::kQueued) tell_queued(transaction, run, job, phase, now);
}

}  // namespace

void check_slurm_job(const std::string& field, const SlurmJob& job) {
  require_text(field + ".cluster", job.cluster, kMaxNameBytes);
  require_text(field + ".job_id", job.job_id, kMaxNameBytes);
  if (job.restart_count < 0)
    throw invalid(field + ".restart_count", std::to_string(job.restart_count) + " is not allowed; 0 or more");
  if (!job.nodes.empty()) require_text(field + ".nodes", job.nodes, kMaxNodesBytes);
  if (!job.state.empty()) require_text(field + ".state", job.state, kMaxStateBytes);
}

SlurmPhase phase_of(std::string_view state) {
  const std::string_view word = state.substr(0, state.find_first_of(" +"));
  const auto is_one_of = [word](const auto& words) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  constexpr std::array<std::string_view, 6> kWaiting{"PENDING",     "REQUEUED",     "REQUEUE_HOLD",
                                                     "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD"};
  constexpr std::array<std::string_view, 10> kEnded{"COMPLETED", "FAILED",        "TIMEOUT",   "NODE_FAIL",
                                                    "PREEMPTED", "OUT_OF_MEMORY", "BOOT_FAIL", "DEADLINE",
                                                    "REVOKED",   "LAUNCH_FAILED"};
  if (word == "CANCELLED") return SlurmPhase::kCancelled;
  if (word == "UNKNOWN") return SlurmPhase::kForgotten;
  if (is_one_of(kWaiting)) return SlurmPhase::kWaiting;
  return is_one_of(kEnded) ? SlurmPhase::kEnded : SlurmPhase::kStarted;
}

void Queue::update_slurm_jobs(const std::vector<SlurmReport>& reports) {
  for (const SlurmReport& report : reports) check(report);
  writer_.run([&](Transaction& transaction) {
    const TimeUs now = clock_();
    for (const SlurmReport& report : reports) {
      const std::string_view id = storage::run_id_of(report.run);
      const auto run = storage::find_run(transaction, id);
      if (!run) throw Error(Code::kNotFound, "there is no run " + std::string(id), "jobs.run");
      tell(transaction, *run, report.job, now);
    }
    return true;
  });
}

}  // namespace hooke::scheduling
