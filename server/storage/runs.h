// Runs, their state, history and tags: records and SQL. A Snapshot reads, a Transaction writes.
//
// A run's state changes in change_state alone, which writes its history.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/storage/transaction.h"
#include "server/storage/types.h"

namespace hooke::storage {

struct NewRun {
  std::string run_id;  // see Run::run_id; unique
  ExperimentId experiment;
  std::int64_t seed = 0;
  std::string config_json;  // canonical, with every default
  Pairs sweep;
  Pairs require;
  std::int32_t priority = 0;
  std::string executor;
  std::string submitter;
  std::int32_t max_attempts = 5;
  TimeUs create_us = 0;
  std::string offline_id;  // UUID of a run that was made without a server; else empty
};

struct Run {
  RunId id;
  std::string run_id;  // what users type: 8 characters of a-z and 2-7
  ExperimentId experiment;
  std::string experiment_name;
  RunState state = RunState::kQueued;
  std::int64_t seed = 0;
  std::string config_json;
  std::string config_hash;  // SHA-256 of config_json, hexadecimal
  Pairs sweep;
  Step step = -1;
  std::int64_t total_steps = 0;
  TimeUs create_us = 0;
  std::optional<TimeUs> start_us;   // first grant
  std::optional<TimeUs> end_us;     // final state
  std::optional<TimeUs> record_us;  // last record stored; of an offline run: when it was made
  std::string submitter;
  std::string worker;        // of the newest attempt
  std::int32_t attempt = 0;  // number of the newest attempt
  std::int32_t max_attempts = 5;
  std::int32_t failed_attempts = 0;
  Reason reason;
  Pairs require;
  std::int32_t priority = 0;
  std::string executor;
  std::optional<SlurmJob> slurm;
  Pairs tags;
  std::string note;
  bool archived = false;
  bool must_resume = false;  // it was extended and never begins again
  std::string offline_id;
};

struct StateChange {
  RunState state = RunState::kQueued;
  TimeUs time_us = 0;
  std::int32_t attempt = 0;  // 0: none
  Reason reason;
  std::string worker;
};

// A run id that no run has.
std::string free_run_id(Snapshot& snapshot, const Random& random);
// Stores a queued run with its first line of history. Throws kAlreadyExists when run_id is taken.
RunId insert_run(Transaction& transaction, const NewRun& run);

// A run id from "ID" or "experiments/E/runs/ID".
std::string_view run_id_of(std::string_view reference);

std::optional<Run> find_run(Snapshot& snapshot, RunId id);
// By the whole id.
std::optional<Run> find_run(Snapshot& snapshot, std::string_view run_id);
std::optional<Run> find_offline_run(Snapshot& snapshot, std::string_view offline_id);
// Runs whose id begins with `prefix`, at most `limit`, by id: one is an answer, more are candidates.
std::vector<Run> find_runs_by_prefix(Snapshot& snapshot, std::string_view prefix, std::size_t limit);

// In the order of the submit.
std::vector<RunId> runs_of(Snapshot& snapshot, ExperimentId experiment);

// Runs per state; states without a run are absent.
std::map<RunState, std::int64_t> count_runs(Snapshot& snapshot, std::optional<ExperimentId> experiment = {});

// Moves a run to a state and writes its history: end_us is set by a final state and cleared by
// another; the run's reason becomes the change's.
void change_state(Transaction& transaction, RunId id, const StateChange& change);
// Oldest first.
std::vector<StateChange> state_history(Snapshot& snapshot, RunId id);

// Counts an attempt that failed (+1), or takes that back (-1); returns the number now.
std::int32_t count_failed_attempt(Transaction& transaction, RunId id, std::int32_t change);
// Forgets the attempts that failed: the run has max_attempts again.
void reset_failed_attempts(Transaction& transaction, RunId id);

// What an accepted batch moves; what is absent stays.
struct RunProgress {
  std::optional<Step> step;
  std::optional<std::int64_t> total_steps;
  std::optional<TimeUs> record_us;
};
void set_progress(Transaction& transaction, RunId id, const RunProgress& progress);

// Gives the run another configuration (canonical JSON); the one before goes into its history.
void replace_config(Transaction& transaction, RunId id, const std::string& config_json, TimeUs now);
// Earlier configurations (canonical JSON), oldest first.
std::vector<std::string> config_history(Snapshot& snapshot, RunId id);
// From now on the run goes on at the end that it had, and never begins again.
void set_must_resume(Transaction& transaction, RunId id);

// Each replaces what was there. Throw kNotFound.
void update_run_tags(Transaction& transaction, RunId id, const Pairs& set,
                     const std::vector<std::string>& remove);
void update_run_note(Transaction& transaction, RunId id, const std::string& note);
void archive_run(Transaction& transaction, RunId id, bool archived);
// The run is carried out without a server, under this UUID.
void set_offline_id(Transaction& transaction, RunId id, const std::string& offline_id);
void set_slurm_job(Transaction& transaction, RunId id, const SlurmJob& job);
// The run has no job any more.
void forget_slurm_job(Transaction& transaction, RunId id);

// The queued runs that pull workers (or `executor`) may take, summed up: one entry for each
// submitter, set of labels and priority, with the oldest run of it.
struct QueueEntry {
  std::string submitter;
  Pairs require;
  std::int32_t priority = 0;
  RunId oldest;
};
std::vector<QueueEntry> queue_heads(Snapshot& snapshot, std::string_view executor);
// Running runs of each submitter, without offline ones, which take no worker's time.
std::map<std::string, std::int64_t> running_by_submitter(Snapshot& snapshot);

}  // namespace hooke::storage
