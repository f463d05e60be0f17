#include <algorithm>
#include <map>
#include <utility>

#include "server/scheduling/grants.h"
#include "server/scheduling/queue.h"
#include "server/scheduling/transitions.h"
#include "server/storage/limits.h"
#include "server/storage/shorten.h"
#include "server/storage/workers.h"

namespace hooke::scheduling {
namespace {

using storage::Outcome;
using storage::Reason;
using storage::Run;
using storage::RunState;
using storage::Transaction;

constexpr std::size_t kMaxLogLines = 200;
// Of one grant, so that it fits into a message.
constexpr std::size_t kMaxGrantedBarriers = 10'000;

// The first label that the run requires and the worker lacks; absent: it has all.
std::optional<std::string> missing_label(const storage::Pairs& labels, const storage::Pairs& require) {
  for (const auto& [key, value] : require) {
    const auto found = labels.find(key);
    if (found == labels.end() || found->second != value) return key + "=" + value;
  }
  return std::nullopt;
}

std::optional<RunId> next_run(Transaction& transaction, const storage::Pairs& labels) {
  auto entries = storage::queue_heads(transaction, "");
  std::erase_if(entries,
                [&labels](const auto& entry) { return missing_label(labels, entry.require).has_value(); });
  if (entries.empty()) return std::nullopt;
  const auto highest = std::max_element(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
                         return a.priority < b.priority;
                       })->priority;
  std::erase_if(entries, [highest](const auto& entry) { return entry.priority < highest; });
  // Counted only where submitters compete, for that takes longer the more runs there are.
  const bool compete = std::any_of(entries.begin(), entries.end(), [&entries](const auto& entry) {
    return entry.submitter != entries.front().submitter;
  });
  auto running = compete ? storage::running_by_submitter(transaction) : std::map<std::string, std::int64_t>();
  const auto rank = [&running](const storage::QueueEntry& entry) {
    return std::make_pair(running[entry.submitter], entry.oldest);
  };
  return std::min_element(entries.begin(), entries.end(),
                          [&rank](const auto& a, const auto& b) { return rank(a) < rank(b); })
      ->oldest;
}

// The run's attempt, when it is an earlier start of the Slurm task that asks.
std::optional<storage::Attempt> earlier_start(Transaction& transaction, const Run& run,
                                              const LeaseRequest& request) {
  if (!request.slurm || run.state != RunState::kRunning) return std::nullopt;
  auto attempt = storage::find_attempt(transaction, run.id, run.attempt);
  if (!attempt || attempt->outcome || !attempt->slurm) return std::nullopt;
  const storage::SlurmJob &before = *attempt->slurm, &now = *request.slurm;
  if (before.cluster != now.cluster || before.job_id != now.job_id) return std::nullopt;
  if (before.restart_count >= now.restart_count) return std::nullopt;
  return attempt;
}

RunId named_run(Transaction& transaction, const LeaseRequest& request, TimeUs now) {
  Run run = require_run(transaction, request.run);
  if (const auto attempt = earlier_start(transaction, run, request)) {
    supersede(transaction, *attempt, "Slurm started its task " + request.slurm->job_id + " again", now);
    run = require_run(transaction, request.run);
  }
  if (run.state != RunState::kQueued)
    throw Error(Code::kFailedPrecondition,
                "run " + run.run_id + " is " + name_of(run.state) + ", not queued");
  if (const auto label = missing_label(request.labels, run.require))
    throw Error(Code::kFailedPrecondition, "run " + run.run_id + " requires the label " + *label);
  return run.id;
}

// The committed barriers at which the run may go on.
std::vector<storage::Barrier> granted_barriers(Transaction& transaction, const Run& run) {
  auto barriers = storage::barriers_of(transaction, run.id);
  if (run.must_resume) {
    const Step least = storage::final_barrier(transaction, run.id).value_or(0);
    std::erase_if(barriers, [least](const storage::Barrier& barrier) { return barrier.step < least; });
  }
  if (barriers.size() > kMaxGrantedBarriers)
    barriers.erase(barriers.begin(), barriers.end() - kMaxGrantedBarriers);
  return barriers;
}

LeaseGrant grant_with_barriers(Transaction& transaction, const storage::Attempt& attempt,
                               const std::string& secret) {
  LeaseGrant grant = grant_of(transaction, attempt, secret);
  grant.barriers = granted_barriers(transaction, grant.run);
  return grant;
}

// The grant of a request that got one before; absent: it is new.
std::optional<LeaseGrant> repeated(Transaction& transaction, const LeaseRequest& request,
                                   const std::string& secret, TimeUs now) {
  const auto attempt = storage::find_attempt_by_request(transaction, request.request_id);
  if (!attempt) return std::nullopt;
  LeaseGrant grant = grant_with_barriers(transaction, *attempt, secret);
  storage::pass_fence(transaction, {grant.run.run_id, attempt->number, grant.token}, now);
  storage::set_worker_run(transaction, attempt->worker, attempt->run, now);
  grant.run = *storage::find_run(transaction, attempt->run);
  return grant;
}

std::vector<std::string> shortened(std::vector<std::string> lines) {
  for (std::string& line : lines) line = storage::shorten(std::move(line), storage::kMaxLogLineBytes);
  return lines;
}

}  // namespace

void Queue::lease(LeaseRequest request, storage::Then<std::optional<LeaseGrant>> then) {
  require_text("request_id", request.request_id, kMaxIdBytes);
  require_text("worker", request.worker, kMaxNameBytes);
  if (request.slurm) check_slurm_job("slurm", *request.slurm);
  const auto work = [this,
                     request = std::move(request)](Transaction& transaction) -> std::optional<LeaseGrant> {
    const TimeUs now = clock_();
    storage::see_worker(transaction,
                        {request.worker, request.labels, request.devices, request.version, now, {}, {}, {}});
    const std::string secret = server_secret(transaction, random_);
    if (auto before = repeated(transaction, request, secret, now)) return before;
    const auto run = request.run.empty() ? next_run(transaction, request.labels)
                                         : std::optional(named_run(transaction, request, now));
    if (!run) return std::nullopt;
    const Run granted = *storage::find_run(transaction, *run);
    storage::NewAttempt attempt;
    attempt.run = *run;
    attempt.number = granted.attempt + 1;
    draw_token(attempt, secret, granted.run_id, random_);
    attempt.request_id = request.request_id;
    attempt.worker = request.worker;
    attempt.granted_us = now;
    attempt.period_us = std::chrono::microseconds(options_.lease_period).count();
    attempt.slurm = request.slurm;
    begin_attempt(transaction, attempt);
    return grant_with_barriers(transaction, *storage::find_attempt(transaction, *run, attempt.number),
                               secret);
  };
  writer_.run(work, std::move(then));
}

void Queue::heartbeat(storage::AttemptKey key, std::optional<storage::SlurmJob> slurm,
                      storage::Then<std::chrono::milliseconds> then) {
  if (slurm) check_slurm_job("slurm", *slurm);
  const auto work = [this, key = std::move(key), slurm = std::move(slurm)](Transaction& transaction) {
    const TimeUs now = clock_();
    const auto attempt = storage::pass_fence(transaction, key, now);
    storage::set_worker_run(transaction, attempt.worker, attempt.run, now);
    if (slurm) storage::set_slurm_job(transaction, attempt.run, *slurm);
    return std::chrono::milliseconds(attempt.period_us / 1000);
  };
  writer_.run(work, std::move(then));
}

void Queue::finish(FinishRequest request, storage::Then<RunState> then) {
  if (request.outcome < Outcome::kSucceeded || request.outcome > Outcome::kReturned)
    throw invalid("outcome", "is missing or unknown");
  if (request.log_tail.size() > kMaxLogLines)
    throw invalid("log_tail", "has more than " + std::to_string(kMaxLogLines) + " lines");
  const auto work = [this, request = std::move(request)](Transaction& transaction) {
    if (const auto state = state_after_repeat(transaction, request.attempt, request.outcome)) return *state;
    const TimeUs now = clock_();
    const auto attempt = storage::pass_fence(transaction, request.attempt, now);
    if (attempt.is_segment)
      throw Error(Code::kFailedPrecondition, "an offline run ends with its End record, not by a call",
                  "attempt");
    if (request.outcome == Outcome::kSucceeded && request.last_record != attempt.last_record)
      throw Error(Code::kFailedPrecondition,
                  "the last record on disk is " + std::to_string(attempt.last_record) + ", not " +
                      std::to_string(request.last_record) + "; send what is missing first",
                  "last_record");
    if (!request.log_tail.empty())
      storage::set_log_tail(transaction, attempt.run, attempt.number, shortened(request.log_tail));
    Reason reason = request.reason;
    reason.message = storage::shorten(reason.message, storage::kMaxReasonBytes);
    return conclude(transaction, attempt, request.outcome, reason, now);
  };
  writer_.run(work, std::move(then));
}

}  // namespace hooke::scheduling
