#include "server/scheduling/queue.h"

#include <algorithm>
#include <utility>

#include "server/scheduling/grants.h"
#include "server/scheduling/transitions.h"
#include "server/storage/digest.h"
#include "server/storage/limits.h"
#include "server/storage/requests.h"
#include "server/storage/shorten.h"
#include "server/storage/workers.h"

namespace hooke::scheduling {
namespace {

using storage::Outcome;
using storage::Reason;
using storage::ReasonKind;
using storage::Run;
using storage::RunState;
using storage::Transaction;

constexpr const char* kSubmit = "submit";
constexpr std::size_t kMaxIdBytes = 128;
constexpr std::size_t kMaxLogLines = 200;
constexpr std::size_t kSweepGroup = 256;
// Of one grant, so that it fits into a message.
constexpr std::size_t kMaxGrantedBarriers = 10'000;

TimeUs to_us(std::chrono::milliseconds duration) {
  return std::chrono::microseconds(duration).count();
}

// Each part with its length before it, so that no two requests read the same.
class Fingerprint {
 public:
  void add(std::string_view part) { text_.append(std::to_string(part.size())).append(":").append(part); }
  void add(std::int64_t number) { add(std::to_string(number)); }
  void add(const storage::Pairs& pairs) {
    add(static_cast<std::int64_t>(pairs.size()));
    for (const auto& [key, value] : pairs) {
      add(key);
      add(value);
    }
  }
  std::string digest() const { return storage::sha256(text_); }

 private:
  std::string text_;
};

std::string fingerprint(const SubmitRequest& request) {
  Fingerprint print;
  print.add(request.name);
  print.add(request.require);
  print.add(request.tags);
  print.add(request.priority);
  print.add(request.executor);
  print.add(request.submitter);
  print.add(request.max_attempts);
  for (const RunSpec& run : request.runs) {
    print.add(run.config_json);
    print.add(run.seed);
    print.add(run.sweep);
  }
  return print.digest();
}

void check(const SubmitRequest& request) {
  require_text("request_id", request.request_id, kMaxIdBytes);
  require_text("experiment_id", request.name, kMaxNameBytes);
  if (request.runs.empty()) throw invalid("seeds", "there is no run to submit");
  if (request.max_attempts < 1)
    throw invalid("max_attempts", std::to_string(request.max_attempts) + " is not allowed; at least 1");
}

SubmitResult result_of(storage::Snapshot& snapshot, storage::Experiment experiment) {
  SubmitResult result{std::move(experiment), {}};
  for (const RunId id : storage::runs_of(snapshot, result.experiment.id))
    result.runs.push_back(*storage::find_run(snapshot, id));
  return result;
}

// The answer to a request that was done before; absent: it is new.
std::optional<SubmitResult> repeated(Transaction& transaction, const SubmitRequest& request,
                                     const std::string& hash) {
  const auto before = storage::find_request(transaction, request.request_id);
  if (!before) return std::nullopt;
  if (before->kind != kSubmit || before->hash != hash)
    throw Error(Code::kAlreadyExists, "was used for another request; use a new UUID", "request_id");
  auto experiment = before->experiment ? storage::find_experiment(transaction, *before->experiment)
                                       : std::optional<storage::Experiment>();
  if (!experiment) throw Error(Code::kNotFound, "what this request submitted was deleted");
  return result_of(transaction, std::move(*experiment));
}

storage::NewRun new_run(const SubmitRequest& request, const RunSpec& spec, ExperimentId experiment,
                        std::string run_id, TimeUs now) {
  storage::NewRun run;
  run.run_id = std::move(run_id);
  run.experiment = experiment;
  run.seed = spec.seed;
  run.config_json = spec.config_json;
  run.sweep = spec.sweep;
  run.require = request.require;
  run.priority = request.priority;
  run.executor = request.executor;
  run.submitter = request.submitter;
  run.max_attempts = request.max_attempts;
  run.create_us = now;
  return run;
}

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
  auto running = storage::running_by_submitter(transaction);
  const auto rank = [&running](const storage::QueueEntry& entry) {
    return std::make_tuple(-std::int64_t{entry.priority}, running[entry.submitter], entry.oldest);
  };
  return std::min_element(entries.begin(), entries.end(),
                          [&rank](const auto& a, const auto& b) { return rank(a) < rank(b); })
      ->oldest;
}

Run require_run(Transaction& transaction, const std::string& reference) {
  const std::string_view id = storage::run_id_of(reference);
  auto run = storage::find_run(transaction, id);
  if (!run) throw Error(Code::kNotFound, "there is no run " + std::string(id));
  return std::move(*run);
}

void refuse_offline(const Run& run) {
  if (!run.offline_id.empty())
    throw Error(Code::kFailedPrecondition,
                "run " + run.run_id +
                    " was made without a server and goes on only there: `hooke-worker run` with its folder, "
                    "then `hooke sync`");
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

Queue::Queue(storage::Writer& writer, QueueOptions options, storage::Clock clock, storage::Random random)
    : writer_(writer), options_(options), clock_(std::move(clock)), random_(std::move(random)) {}

SubmitResult Queue::submit(const SubmitRequest& request) {
  check(request);
  const std::string hash = fingerprint(request);
  return writer_.run([&](Transaction& transaction) {
    if (auto before = repeated(transaction, request, hash)) return std::move(*before);
    const TimeUs now = clock_();
    auto experiment =
        storage::insert_experiment(transaction, {request.name, request.submitter, request.tags, now});
    for (const RunSpec& spec : request.runs)
      storage::insert_run(transaction, new_run(request, spec, experiment.id,
                                               storage::free_run_id(transaction, random_), now));
    storage::insert_request(transaction, {request.request_id, kSubmit, hash, experiment.id, now});
    return result_of(transaction, std::move(experiment));
  });
}

std::optional<LeaseGrant> Queue::lease(const LeaseRequest& request) {
  require_text("request_id", request.request_id, kMaxIdBytes);
  require_text("worker", request.worker, kMaxNameBytes);
  return writer_.run([&](Transaction& transaction) -> std::optional<LeaseGrant> {
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
    attempt.period_us = to_us(options_.lease_period);
    attempt.slurm = request.slurm;
    begin_attempt(transaction, attempt);
    return grant_with_barriers(transaction, *storage::find_attempt(transaction, *run, attempt.number),
                               secret);
  });
}

std::chrono::milliseconds Queue::heartbeat(const storage::AttemptKey& key,
                                           const std::optional<storage::SlurmJob>& slurm) {
  return writer_.run([&](Transaction& transaction) {
    const TimeUs now = clock_();
    const auto attempt = storage::pass_fence(transaction, key, now);
    storage::set_worker_run(transaction, attempt.worker, attempt.run, now);
    if (slurm) storage::set_slurm_job(transaction, attempt.run, *slurm);
    return std::chrono::milliseconds(attempt.period_us / 1000);
  });
}

RunState Queue::finish(const FinishRequest& request) {
  if (request.outcome < Outcome::kSucceeded || request.outcome > Outcome::kReturned)
    throw invalid("outcome", "is missing or unknown");
  if (request.log_tail.size() > kMaxLogLines)
    throw invalid("log_tail", "has more than " + std::to_string(kMaxLogLines) + " lines");
  return writer_.run([&](Transaction& transaction) {
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
  });
}

Run Queue::cancel(const std::string& reference, const std::string& by) {
  return writer_.run([&](Transaction& transaction) {
    const Run run = require_run(transaction, reference);
    if (is_final(run.state))
      throw Error(Code::kFailedPrecondition,
                  "run " + run.run_id + " has ended already: " + name_of(run.state));
    cancel_run(transaction, run, by, clock_());
    return *storage::find_run(transaction, run.id);
  });
}

Run Queue::retry(const std::string& reference, const std::string& by) {
  return writer_.run([&](Transaction& transaction) {
    const Run run = require_run(transaction, reference);
    refuse_offline(run);
    if (run.state != RunState::kFailed && run.state != RunState::kCancelled)
      throw Error(Code::kFailedPrecondition, "run " + run.run_id + " is " + name_of(run.state) +
                                                 "; only a failed or cancelled run can be tried again");
    storage::reset_failed_attempts(transaction, run.id);
    storage::forget_slurm_job(transaction, run.id);  // it needs another task
    storage::StateChange queued;
    queued.time_us = clock_();
    queued.reason.message = by.empty() ? "retried" : "retried by " + by;
    storage::change_state(transaction, run.id, queued);
    return *storage::find_run(transaction, run.id);
  });
}

Run Queue::extend(const ExtendRequest& request) {
  return writer_.run([&](Transaction& transaction) {
    const Run run = require_run(transaction, request.run);
    refuse_offline(run);
    const auto refuse = [&run](const std::string& why) {
      throw Error(Code::kFailedPrecondition, "run " + run.run_id + " " + why);
    };
    if (run.state != RunState::kSucceeded)
      refuse(std::string("is ") + name_of(run.state) +
             "; only a run that has succeeded can be trained further");
    if (run.config_json != request.config_before) refuse("was extended by someone else just now");
    if (storage::final_barrier(transaction, run.id) != run.step)
      refuse("has no checkpoint at its end to go on from");
    const TimeUs now = clock_();
    storage::replace_config(transaction, run.id, request.config_json, now);
    storage::set_must_resume(transaction, run.id);
    storage::reset_failed_attempts(transaction, run.id);
    storage::forget_slurm_job(transaction, run.id);  // it needs another task
    storage::StateChange queued;
    queued.time_us = now;
    queued.reason.message = request.why;
    storage::change_state(transaction, run.id, queued);
    return *storage::find_run(transaction, run.id);
  });
}

std::int64_t Queue::sweep(TimeUs now) {
  return writer_.run([&](Transaction& transaction) {
    const auto expired = storage::expired_attempts(transaction, now, kSweepGroup);
    for (const auto& attempt : expired) lapse(transaction, attempt, now);
    return static_cast<std::int64_t>(expired.size());
  });
}

std::int64_t Queue::renew_all() {
  return writer_.run(
      [&](Transaction& transaction) { return storage::renew_all_leases(transaction, clock_()); });
}

}  // namespace hooke::scheduling
