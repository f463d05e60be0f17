#include "server/scheduling/queue.h"

#include <algorithm>
#include <utility>

#include "server/scheduling/grants.h"
#include "server/scheduling/transitions.h"
#include "server/storage/digest.h"
#include "server/storage/requests.h"

namespace hooke::scheduling {
namespace {

using storage::Outcome;
using storage::Reason;
using storage::ReasonKind;
using storage::Run;
using storage::RunState;
using storage::Transaction;

constexpr const char* kSubmit = "submit";
constexpr std::size_t kSweepGroup = 256;

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

void refuse_offline(const Run& run) {
  if (!run.offline_id.empty())
    throw Error(Code::kFailedPrecondition,
                "run " + run.run_id +
                    " was made without a server and goes on only there: `hooke-worker run` with its folder, "
                    "then `hooke sync`");
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
