#include "server/storage/runs.h"

#include "server/storage/digest.h"
#include "server/storage/statement.h"

namespace hooke::storage {
namespace {

#define RUN_COLUMNS                                                                                    \
  "SELECT r.id, r.run_id, r.experiment_id, e.name, r.state, r.seed, r.config_json, r.config_hash, "    \
  "r.sweep_json, r.step, r.total_steps, r.create_us, r.start_us, r.end_us, r.record_us, r.submitter, " \
  "r.worker, r.attempt, r.max_attempts, r.failed_attempts, r.reason_kind, r.reason_message, "          \
  "r.reason_exit, r.reason_signal, r.require_json, r.priority, r.executor, r.note, r.archived, "       \
  "r.must_resume, coalesce(r.offline_id, '') FROM runs r JOIN experiments e ON e.id = r.experiment_id "

// Of RUN_COLUMNS. Tags and Slurm job are read afterwards.
Run read_run(Statement& row) {
  Run run;
  run.id = {row.integer(0)};
  run.run_id = row.text(1);
  run.experiment = {row.integer(2)};
  run.experiment_name = row.text(3);
  run.state = row.enumeration<RunState>(4);
  run.seed = row.integer(5);
  run.config_json = row.text(6);
  run.config_hash = row.text(7);
  run.sweep = row.pairs(8);
  run.step = row.integer(9);
  run.total_steps = row.integer(10);
  run.create_us = row.integer(11);
  run.start_us = row.maybe_integer(12);
  run.end_us = row.maybe_integer(13);
  run.record_us = row.maybe_integer(14);
  run.submitter = row.text(15);
  run.worker = row.text(16);
  run.attempt = row.small(17);
  run.max_attempts = row.small(18);
  run.failed_attempts = row.small(19);
  run.reason = row.reason(20);
  run.require = row.pairs(24);
  run.priority = row.small(25);
  run.executor = row.text(26);
  run.note = row.text(27);
  run.archived = row.boolean(28);
  run.must_resume = row.boolean(29);
  run.offline_id = row.text(30);
  return run;
}

void read_rest_of(Snapshot& snapshot, Run& run) {
  Statement tags(snapshot, "SELECT key, value FROM run_tags WHERE run_id = ?", run.id);
  while (tags.step()) run.tags.emplace(tags.text(0), tags.text(1));
  Statement job(snapshot,
                "SELECT cluster, job_id, restart_count, nodes, state FROM slurm_jobs WHERE run_id = ?",
                run.id);
  if (job.step()) run.slurm = SlurmJob{job.text(0), job.text(1), job.small(2), job.text(3), job.text(4)};
}

std::vector<Run> read_runs(Snapshot& snapshot, Statement&& rows) {
  std::vector<Run> runs;
  while (rows.step()) runs.push_back(read_run(rows));
  for (Run& run : runs) read_rest_of(snapshot, run);
  return runs;
}

std::optional<Run> read_one_run(Snapshot& snapshot, Statement&& row) {
  auto runs = read_runs(snapshot, std::move(row));
  if (runs.empty()) return std::nullopt;
  return std::move(runs.front());
}

Change change_of(Snapshot& snapshot, RunId id, unsigned bits) {
  Statement row(snapshot, "SELECT experiment_id FROM runs WHERE id = ?", id);
  if (!row.step()) throw Error(Code::kNotFound, "there is no such run");
  return {id, {row.integer(0)}, bits};
}

void write_history(Transaction& transaction, RunId id, const StateChange& change) {
  Statement(transaction,
            "INSERT INTO state_history (run_id, state, time_us, attempt, reason_kind, reason_message, "
            "reason_exit, reason_signal, worker) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            id, change.state, change.time_us, change.attempt, change.reason.kind, change.reason.message,
            change.reason.exit_status, change.reason.signal, change.worker)
      .run();
}

}  // namespace

std::string free_run_id(Snapshot& snapshot, const Random& random) {
  constexpr std::size_t kLength = 8;
  // Lower-case base32 (RFC 4648) of the low 5 bits of each byte.
  static constexpr char kAlphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
  while (true) {
    std::string id = random(kLength);
    for (char& c : id) c = kAlphabet[static_cast<unsigned char>(c) & 31];
    if (!find_run(snapshot, id)) return id;
  }
}

RunId insert_run(Transaction& transaction, const NewRun& run) {
  if (Statement(transaction, "SELECT 1 FROM runs WHERE run_id = ?", run.run_id).step())
    throw Error(Code::kAlreadyExists, "run " + run.run_id + " is there already", "run_id");
  Statement row(transaction,
                "INSERT INTO runs (run_id, experiment_id, state, seed, config_json, config_hash, sweep_json, "
                "require_json, priority, executor, submitter, max_attempts, create_us, offline_id) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, '')) RETURNING id",
                run.run_id, run.experiment, RunState::kQueued, run.seed, run.config_json,
                to_hex(sha256(run.config_json)), to_json(run.sweep), to_json(run.require), run.priority,
                run.executor, run.submitter, run.max_attempts, run.create_us, run.offline_id);
  row.step();
  const RunId id{row.integer(0)};
  StateChange queued;
  queued.time_us = run.create_us;
  write_history(transaction, id, queued);
  transaction.changed({id, run.experiment, kStateChanged});
  return id;
}

std::string_view run_id_of(std::string_view reference) {
  const auto slash = reference.rfind('/');
  return slash == std::string_view::npos ? reference : reference.substr(slash + 1);
}

std::optional<Run> find_run(Snapshot& snapshot, RunId id) {
  return read_one_run(snapshot, Statement(snapshot, RUN_COLUMNS "WHERE r.id = ?", id));
}

std::optional<Run> find_run(Snapshot& snapshot, std::string_view run_id) {
  return read_one_run(snapshot, Statement(snapshot, RUN_COLUMNS "WHERE r.run_id = ?", run_id));
}

std::optional<Run> find_offline_run(Snapshot& snapshot, std::string_view offline_id) {
  return read_one_run(snapshot, Statement(snapshot, RUN_COLUMNS "WHERE r.offline_id = ?", offline_id));
}

std::vector<Run> find_runs_by_prefix(Snapshot& snapshot, std::string_view prefix, std::size_t limit) {
  // Every id that begins with the prefix is below the prefix followed by 0x7f.
  return read_runs(
      snapshot,
      Statement(snapshot, RUN_COLUMNS "WHERE r.run_id >= ? AND r.run_id < ? ORDER BY r.run_id LIMIT ?",
                prefix, std::string(prefix) + '\x7f', limit));
}

std::vector<RunId> runs_of(Snapshot& snapshot, ExperimentId experiment) {
  std::vector<RunId> ids;
  Statement rows(snapshot, "SELECT id FROM runs WHERE experiment_id = ? ORDER BY id", experiment);
  while (rows.step()) ids.push_back({rows.integer(0)});
  return ids;
}

std::map<RunState, std::int64_t> count_runs(Snapshot& snapshot, std::optional<ExperimentId> experiment) {
  std::map<RunState, std::int64_t> counts;
  Statement rows(snapshot,
                 experiment ? Sql("SELECT state, count(*) FROM runs WHERE experiment_id = ?1 GROUP BY state")
                            : Sql("SELECT state, count(*) FROM runs WHERE ?1 IS NULL GROUP BY state"),
                 experiment);
  while (rows.step()) counts[rows.enumeration<RunState>(0)] = rows.integer(1);
  return counts;
}

void change_state(Transaction& transaction, RunId id, const StateChange& change) {
  transaction.changed(change_of(transaction, id, kStateChanged));
  const auto end_us = is_final(change.state) ? std::optional(change.time_us) : std::nullopt;
  Statement(transaction,
            "UPDATE runs SET state = ?, end_us = ?, reason_kind = ?, reason_message = ?, reason_exit = ?, "
            "reason_signal = ? WHERE id = ?",
            change.state, end_us, change.reason.kind, change.reason.message, change.reason.exit_status,
            change.reason.signal, id)
      .run();
  write_history(transaction, id, change);
}

std::vector<StateChange> state_history(Snapshot& snapshot, RunId id) {
  std::vector<StateChange> history;
  Statement rows(
      snapshot,
      "SELECT state, time_us, attempt, reason_kind, reason_message, reason_exit, reason_signal, worker "
      "FROM state_history WHERE run_id = ? ORDER BY id",
      id);
  while (rows.step())
    history.push_back(
        {rows.enumeration<RunState>(0), rows.integer(1), rows.small(2), rows.reason(3), rows.text(7)});
  return history;
}

std::int32_t count_failed_attempt(Transaction& transaction, RunId id, std::int32_t change) {
  Statement row(transaction,
                "UPDATE runs SET failed_attempts = max(0, failed_attempts + ?) WHERE id = ? "
                "RETURNING failed_attempts",
                change, id);
  row.step();
  return row.small(0);
}

void reset_failed_attempts(Transaction& transaction, RunId id) {
  Statement(transaction, "UPDATE runs SET failed_attempts = 0 WHERE id = ?", id).run();
}

void set_progress(Transaction& transaction, RunId id, const RunProgress& progress) {
  Statement(transaction,
            "UPDATE runs SET step = coalesce(?, step), total_steps = coalesce(?, total_steps), "
            "record_us = coalesce(?, record_us) WHERE id = ?",
            progress.step, progress.total_steps, progress.record_us, id)
      .run();
}

void replace_config(Transaction& transaction, RunId id, const std::string& config_json, TimeUs now) {
  Statement(transaction,
            "INSERT INTO config_history (run_id, number, config_json, replaced_us) "
            "SELECT id, 1 + (SELECT count(*) FROM config_history WHERE run_id = ?1), config_json, ?2 "
            "FROM runs WHERE id = ?1",
            id, now)
      .run();
  Statement(transaction, "UPDATE runs SET config_json = ?, config_hash = ? WHERE id = ?", config_json,
            to_hex(sha256(config_json)), id)
      .run();
}

void set_must_resume(Transaction& transaction, RunId id) {
  Statement(transaction, "UPDATE runs SET must_resume = 1 WHERE id = ?", id).run();
}

std::vector<std::string> config_history(Snapshot& snapshot, RunId id) {
  std::vector<std::string> history;
  Statement rows(snapshot, "SELECT config_json FROM config_history WHERE run_id = ? ORDER BY number", id);
  while (rows.step()) history.push_back(rows.text(0));
  return history;
}

void update_run_tags(Transaction& transaction, RunId id, const Pairs& set,
                     const std::vector<std::string>& remove) {
  transaction.changed(change_of(transaction, id, kStateChanged));
  for (const auto& key : remove)
    Statement(transaction, "DELETE FROM run_tags WHERE run_id = ? AND key = ?", id, key).run();
  for (const auto& [key, value] : set)
    Statement(transaction, "REPLACE INTO run_tags (run_id, key, value) VALUES (?, ?, ?)", id, key, value)
        .run();
}

void update_run_note(Transaction& transaction, RunId id, const std::string& note) {
  transaction.changed(change_of(transaction, id, kStateChanged));
  Statement(transaction, "UPDATE runs SET note = ? WHERE id = ?", note, id).run();
}

void archive_run(Transaction& transaction, RunId id, bool archived) {
  transaction.changed(change_of(transaction, id, kStateChanged));
  Statement(transaction, "UPDATE runs SET archived = ? WHERE id = ?", archived, id).run();
}

void set_slurm_job(Transaction& transaction, RunId id, const SlurmJob& job) {
  transaction.changed(change_of(transaction, id, kStateChanged));
  Statement(transaction,
            "REPLACE INTO slurm_jobs (run_id, cluster, job_id, restart_count, nodes, state) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            id, job.cluster, job.job_id, job.restart_count, job.nodes, job.state)
      .run();
}

void set_offline_id(Transaction& transaction, RunId id, const std::string& offline_id) {
  transaction.changed(change_of(transaction, id, kStateChanged));
  Statement(transaction, "UPDATE runs SET offline_id = ? WHERE id = ?", offline_id, id).run();
}

void forget_slurm_job(Transaction& transaction, RunId id) {
  transaction.changed(change_of(transaction, id, kStateChanged));
  Statement(transaction, "DELETE FROM slurm_jobs WHERE run_id = ?", id).run();
}

std::vector<QueueEntry> queue_heads(Snapshot& snapshot, std::string_view executor) {
  std::vector<QueueEntry> entries;
  // From one group to the next by the index runs_queued: what a lease costs does not grow with the queue.
  Statement rows(
      snapshot,
      "WITH RECURSIVE heads (submitter, require_json, priority, id) AS ("
      "SELECT * FROM (SELECT submitter, require_json, priority, id FROM runs WHERE state = 1 AND "
      "executor = ?1 ORDER BY submitter, require_json, priority, id LIMIT 1) "
      "UNION ALL SELECT r.submitter, r.require_json, r.priority, r.id FROM heads h JOIN runs r ON r.id = "
      "(SELECT id FROM runs WHERE state = 1 AND executor = ?1 AND (submitter, require_json, priority) > "
      "(h.submitter, h.require_json, h.priority) ORDER BY submitter, require_json, priority, id LIMIT 1)) "
      "SELECT submitter, require_json, priority, id FROM heads",
      executor);
  while (rows.step()) entries.push_back({rows.text(0), rows.pairs(1), rows.small(2), {rows.integer(3)}});
  return entries;
}

std::map<std::string, std::int64_t> running_by_submitter(Snapshot& snapshot) {
  std::map<std::string, std::int64_t> counts;
  Statement rows(snapshot,
                 "SELECT submitter, count(*) FROM runs WHERE state = 2 AND "
                 "offline_id IS NULL GROUP BY submitter");
  while (rows.step()) counts[rows.text(0)] = rows.integer(1);
  return counts;
}

}  // namespace hooke::storage
