#include "server/query/resources.h"

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>

#include "proto/hooke/yaml_config.h"
#include "server/query/find.h"
#include "server/storage/attempts.h"
#include "server/storage/series.h"

namespace hooke::query {
namespace {

using google::protobuf::util::TimeUtil;

google::protobuf::Timestamp timestamp(TimeUs time_us) {
  return TimeUtil::MicrosecondsToTimestamp(time_us);
}

// The numbers of the two enums are the same; these are the ends of the range.
static_assert(static_cast<int>(storage::RunState::kQueued) == v1::RUN_STATE_QUEUED);
static_assert(static_cast<int>(storage::RunState::kCancelled) == v1::RUN_STATE_CANCELLED);
static_assert(static_cast<int>(storage::ReasonKind::kExit) == v1::REASON_KIND_EXIT);
static_assert(static_cast<int>(storage::ReasonKind::kAttemptsExhausted) ==
              v1::REASON_KIND_ATTEMPTS_EXHAUSTED);

// A run that was retried or extended has a message and no kind.
bool says_something(const storage::Reason& reason) {
  return reason.kind != storage::ReasonKind::kNone || !reason.message.empty();
}

void fill_life(const storage::Run& from, v1::Run& to) {
  *to.mutable_create_time() = timestamp(from.create_us);
  if (from.start_us) *to.mutable_start_time() = timestamp(*from.start_us);
  if (from.end_us) *to.mutable_end_time() = timestamp(*from.end_us);
  if (from.record_us) *to.mutable_record_time() = timestamp(*from.record_us);
  to.set_submitter(from.submitter);
  to.set_worker(from.worker);
  to.set_attempt(from.attempt);
  to.set_max_attempts(from.max_attempts);
  to.set_failed_attempts(from.failed_attempts);
  if (says_something(from.reason)) *to.mutable_reason() = reason_message(from.reason);
}

void fill_provenance(const std::string& json, v1::Run& run) {
  if (json.empty()) return;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto status = google::protobuf::util::JsonStringToMessage(json, run.mutable_provenance(), options);
  if (!status.ok())
    throw Error(Code::kDataLoss, "the stored provenance of run " + run.run_id() + " cannot be read");
}

}  // namespace

v1::Reason reason_message(const storage::Reason& reason) {
  v1::Reason message;
  message.set_kind(static_cast<v1::ReasonKind>(reason.kind));
  message.set_message(reason.message);
  message.set_exit_status(reason.exit_status);
  message.set_signal(reason.signal);
  return message;
}

storage::Reason reason_record(const v1::Reason& reason) {
  // A kind that this version does not know must not reach the database.
  const bool known = v1::ReasonKind_IsValid(reason.kind());
  return {known ? static_cast<storage::ReasonKind>(reason.kind()) : storage::ReasonKind::kNone,
          reason.message(), reason.exit_status(), reason.signal()};
}

v1::SlurmJob slurm_message(const storage::SlurmJob& job) {
  v1::SlurmJob message;
  message.set_cluster(job.cluster);
  message.set_job_id(job.job_id);
  message.set_restart_count(job.restart_count);
  message.set_nodes(job.nodes);
  message.set_state(job.state);
  return message;
}

storage::SlurmJob slurm_record(const v1::SlurmJob& job) {
  return {job.cluster(), job.job_id(), job.restart_count(), job.nodes(), job.state()};
}

v1::Experiment experiment_resource(storage::Snapshot& snapshot, const storage::Experiment& experiment) {
  v1::Experiment to;
  to.set_name(resource_name(experiment));
  *to.mutable_create_time() = timestamp(experiment.create_us);
  to.set_submitter(experiment.submitter);
  std::int64_t total = 0;
  for (const auto& [state, count] : storage::count_runs(snapshot, experiment.id)) {
    auto* entry = to.add_run_counts();
    entry->set_state(static_cast<v1::RunState>(state));
    entry->set_count(static_cast<std::int32_t>(count));
    total += count;
  }
  to.set_run_count(static_cast<std::int32_t>(total));
  to.mutable_tags()->insert(experiment.tags.begin(), experiment.tags.end());
  to.set_note(experiment.note);
  to.set_archived(experiment.archived);
  return to;
}

namespace {

void add_latest(const std::vector<storage::LatestValue>& values, v1::Run& to) {
  for (const auto& value : values) {
    auto* latest = to.add_latest();
    latest->set_key(value.key);
    latest->set_step(value.step);
    latest->set_value(value.value);
  }
}

}  // namespace

v1::Run run_resource(storage::Snapshot& snapshot, const storage::Run& run) {
  v1::Run to;
  to.set_name(resource_name(run));
  to.set_run_id(run.run_id);
  to.set_state(static_cast<v1::RunState>(run.state));
  to.set_seed(run.seed);
  to.set_config_json(run.config_json);
  to.set_config_hash(run.config_hash);
  to.mutable_sweep()->insert(run.sweep.begin(), run.sweep.end());
  to.set_step(run.step);
  to.set_total_steps(run.total_steps);
  fill_life(run, to);
  add_latest(storage::main_latest_values(snapshot, run.id), to);
  to.mutable_require()->insert(run.require.begin(), run.require.end());
  to.set_priority(run.priority);
  to.set_executor(run.executor);
  if (run.slurm) *to.mutable_slurm() = slurm_message(*run.slurm);
  to.mutable_tags()->insert(run.tags.begin(), run.tags.end());
  to.set_note(run.note);
  to.set_archived(run.archived);
  to.set_offline_id(run.offline_id);
  return to;
}

void add_config(const storage::Run& run, v1::Run& to) {
  *to.mutable_config() = parse_config(run.config_json, run.run_id);
}

v1::Run whole_run_resource(storage::Snapshot& snapshot, const storage::Run& run) {
  v1::Run to = run_resource(snapshot, run);
  add_config(run, to);
  to.clear_latest();
  add_latest(storage::latest_values(snapshot, run.id), to);
  for (const auto& change : storage::state_history(snapshot, run.id)) {
    auto* entry = to.add_history();
    entry->set_state(static_cast<v1::RunState>(change.state));
    *entry->mutable_time() = timestamp(change.time_us);
    entry->set_attempt(change.attempt);
    if (says_something(change.reason)) *entry->mutable_reason() = reason_message(change.reason);
    entry->set_worker(change.worker);
  }
  fill_provenance(storage::provenance_json(snapshot, run.id), to);
  for (auto& config : storage::config_history(snapshot, run.id)) to.add_config_history(std::move(config));
  for (auto& line : storage::log_tail(snapshot, run.id)) to.add_log_tail(std::move(line));
  return to;
}

v1::Worker worker_resource(const storage::Worker& worker) {
  v1::Worker to;
  to.set_name(worker.name);
  to.mutable_labels()->insert(worker.labels.begin(), worker.labels.end());
  to.mutable_devices()->Add(worker.devices.begin(), worker.devices.end());
  to.set_version(worker.version);
  to.set_last_seen_us(worker.last_seen_us);
  if (worker.run) to.set_run("experiments/" + worker.experiment_name + "/runs/" + worker.run_id);
  return to;
}

}  // namespace hooke::query
