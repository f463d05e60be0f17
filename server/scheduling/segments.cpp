// Queue::lease_segment: runs that were made without a server.
#include "server/scheduling/grants.h"

namespace hooke::scheduling {
namespace {

using storage::Run;
using storage::RunState;
using storage::Transaction;

ExperimentId experiment_for(Transaction& transaction, const SegmentRequest& request, TimeUs now) {
  if (!request.experiment.empty())
    if (const auto found = storage::find_experiment(transaction, request.experiment)) return found->id;
  const std::string& name = request.experiment.empty() ? request.new_name : request.experiment;
  return storage::insert_experiment(transaction, {name, request.submitter, {}, now}).id;
}

// The run of a UUID that was not known. It never stands in the queue.
RunId insert_offline_run(Transaction& transaction, const SegmentRequest& request,
                         const storage::Random& random, TimeUs now) {
  storage::NewRun run;
  run.run_id = storage::free_run_id(transaction, random);
  run.experiment = experiment_for(transaction, request, now);
  run.seed = request.run.seed;
  run.config_json = request.run.config_json;
  run.submitter = request.submitter;
  run.create_us = now;
  run.offline_id = request.uuid;
  const RunId id = storage::insert_run(transaction, run);
  storage::StateChange running;
  running.state = RunState::kRunning;
  running.time_us = now;
  running.worker = request.worker;
  storage::change_state(transaction, id, running);
  return id;
}

// The submitted run is the UUID's from now on.
RunId take_submitted(Transaction& transaction, const SegmentRequest& request, TimeUs now) {
  const std::string_view id = storage::run_id_of(request.submitted);
  const auto run = storage::find_run(transaction, id);
  if (!run) throw Error(Code::kNotFound, "there is no run " + std::string(id), "run");
  const auto refuse = [&](const std::string& why) {
    throw Error(Code::kFailedPrecondition, "run " + run->run_id + " " + why, "run");
  };
  if (!run->offline_id.empty()) refuse("is recorded already, by another folder");
  if (run->attempt > 0) refuse("was begun by a worker of this server, not offline");
  if (run->executor.empty()) refuse("is for workers of this server, not for Slurm");
  if (run->state == RunState::kCancelled) refuse("was cancelled; `hooke runs retry` takes that back");
  request.check_config(run->config_json);
  storage::set_offline_id(transaction, run->id, request.uuid);
  storage::StateChange running;
  running.state = RunState::kRunning;
  running.time_us = now;
  running.worker = request.worker;
  storage::change_state(transaction, run->id, running);
  return run->id;
}

void refuse_other_run(const Run& run, const std::string& submitted) {
  if (submitted.empty() || storage::run_id_of(submitted) == run.run_id) return;
  throw Error(Code::kFailedPrecondition,
              "the records are those of run " + run.run_id + ", not of " + submitted, "run");
}

void refuse_after_the_end(const Run& run, std::int32_t segment) {
  if (run.state == RunState::kSucceeded || run.state == RunState::kCancelled)
    throw Error(Code::kFailedPrecondition, "run " + run.run_id + " has ended (" + name_of(run.state) +
                                               "): segment " + std::to_string(segment) + " is not taken");
}

}  // namespace

void Queue::lease_segment(SegmentRequest request, storage::Then<LeaseGrant> then) {
  require_text("worker", request.worker, kMaxNameBytes);
  const auto work = [this, request = std::move(request)](Transaction& transaction) {
    const TimeUs now = clock_();
    const std::string secret = server_secret(transaction, random_);
    const auto known = storage::find_offline_run(transaction, request.uuid);
    if (known) {
      refuse_other_run(*known, request.submitted);
      request.check_config(known->config_json);
    }
    const RunId id = known                       ? known->id
                     : request.submitted.empty() ? insert_offline_run(transaction, request, random_, now)
                                                 : take_submitted(transaction, request, now);
    const Run run = known ? *known : *storage::find_run(transaction, id);
    if (const auto before = storage::find_attempt(transaction, id, request.segment))
      return grant_of(transaction, *before, secret);
    refuse_after_the_end(run, request.segment);
    if (request.segment < run.attempt)
      throw Error(Code::kFailedPrecondition,
                  "segment " + std::to_string(request.segment) + " of run " + run.run_id +
                      " is not taken: the run has gone on with segment " + std::to_string(run.attempt),
                  "offline.segment");
    storage::NewAttempt attempt;
    attempt.run = id;
    attempt.number = request.segment;
    attempt.is_segment = true;
    attempt.worker = request.worker;
    attempt.granted_us = now;
    attempt.period_us = std::chrono::microseconds(options_.lease_period).count();
    draw_token(attempt, secret, run.run_id, random_);
    storage::insert_attempt(transaction, attempt);
    return grant_of(transaction, *storage::find_attempt(transaction, id, request.segment), secret);
  };
  writer_.run(work, std::move(then));
}

}  // namespace hooke::scheduling
