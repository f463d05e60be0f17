#include "server/storage/attempts.h"

#include "server/storage/digest.h"
#include "server/storage/statement.h"

namespace hooke::storage {
namespace {

constexpr std::int64_t kIdBytes = 8;  // of an attempt's token hash

#define ATTEMPT_COLUMNS                                                                                 \
  "SELECT run_id, number, token_hash, token_nonce, coalesce(request_id, ''), worker, granted_us, "      \
  "period_us, expires_us, ended_us, outcome, reason_kind, reason_message, reason_exit, reason_signal, " \
  "started_us, resume_step, last_record, total_steps, coalesce(provenance_json, ''), end_state, "       \
  "end_reason_kind, end_reason_message, end_reason_exit, end_reason_signal, "                           \
  "coalesce(log_tail_json, '[]'), slurm_cluster, slurm_job_id, slurm_restart, slurm_nodes, "            \
  "segment IS NOT NULL FROM attempts "

template <class Enum>
std::optional<Enum> maybe_enumeration(Statement& row, int column) {
  if (row.null(column)) return std::nullopt;
  return row.enumeration<Enum>(column);
}

Attempt read_attempt(Statement& row) {
  Attempt attempt;
  attempt.run = {row.integer(0)};
  attempt.number = row.small(1);
  attempt.token_hash = row.text(2);
  attempt.token_nonce = row.text(3);
  attempt.request_id = row.text(4);
  attempt.worker = row.text(5);
  attempt.granted_us = row.integer(6);
  attempt.period_us = row.integer(7);
  attempt.expires_us = row.maybe_integer(8);
  attempt.ended_us = row.maybe_integer(9);
  attempt.outcome = maybe_enumeration<Outcome>(row, 10);
  attempt.reason = row.reason(11);
  attempt.started_us = row.maybe_integer(15);
  attempt.resume_step = row.maybe_integer(16);
  attempt.last_record = static_cast<std::uint64_t>(row.integer(17));
  attempt.total_steps = row.integer(18);
  attempt.provenance_json = row.text(19);
  attempt.end_state = maybe_enumeration<RunState>(row, 20);
  attempt.end_reason = row.reason(21);
  attempt.log_tail = row.strings(25);
  if (!row.null(27)) attempt.slurm = SlurmJob{row.text(26), row.text(27), row.small(28), row.text(29), {}};
  attempt.is_segment = row.boolean(30);
  return attempt;
}

std::vector<Attempt> read_all(Statement&& rows) {
  std::vector<Attempt> attempts;
  while (rows.step()) attempts.push_back(read_attempt(rows));
  return attempts;
}

std::optional<Attempt> read_one(Statement&& row) {
  if (!row.step()) return std::nullopt;
  return read_attempt(row);
}

void make_newest(Transaction& transaction, RunId run, std::int32_t number, const std::string& worker,
                 TimeUs now) {
  Statement(transaction,
            "UPDATE runs SET attempt = ?, worker = ?, start_us = coalesce(start_us, ?) WHERE id = ?", number,
            worker, now, run)
      .run();
}

}  // namespace

void insert_attempt(Transaction& transaction, const NewAttempt& attempt) {
  const SlurmJob* slurm = attempt.slurm ? &*attempt.slurm : nullptr;
  const auto text = [slurm](std::string SlurmJob::*member) {
    return slurm ? std::optional<std::string>(slurm->*member) : std::nullopt;
  };
  const auto unless_segment = [&attempt](auto value) {
    return attempt.is_segment ? std::nullopt : std::optional(value);
  };
  Statement(transaction,
            "INSERT INTO attempts (run_id, number, token_hash, token_nonce, request_id, worker, granted_us, "
            "period_us, expires_us, slurm_cluster, slurm_job_id, slurm_restart, slurm_nodes, segment) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            attempt.run, attempt.number, Blob{attempt.token_hash}, Blob{attempt.token_nonce},
            unless_segment(attempt.request_id), attempt.worker, attempt.granted_us, attempt.period_us,
            unless_segment(attempt.granted_us + attempt.period_us), text(&SlurmJob::cluster),
            text(&SlurmJob::job_id), slurm ? std::optional(slurm->restart_count) : std::nullopt,
            text(&SlurmJob::nodes), attempt.is_segment ? std::optional(attempt.number) : std::nullopt)
      .run();
  if (!attempt.is_segment)
    make_newest(transaction, attempt.run, attempt.number, attempt.worker, attempt.granted_us);
}

void begin_segment(Transaction& transaction, RunId run, std::int32_t number, const std::string& worker,
                   TimeUs now) {
  Statement(
      transaction,
      "UPDATE attempts SET ended_us = ?, outcome = ? WHERE run_id = ? AND number < ? AND outcome IS NULL",
      now, Outcome::kSuperseded, run, number)
      .run();
  make_newest(transaction, run, number, worker, now);
}

std::optional<Attempt> find_attempt(Snapshot& snapshot, RunId run, std::int32_t number) {
  return read_one(Statement(snapshot, ATTEMPT_COLUMNS "WHERE run_id = ? AND number = ?", run, number));
}

std::optional<Attempt> find_attempt_by_request(Snapshot& snapshot, std::string_view request_id) {
  return read_one(Statement(snapshot, ATTEMPT_COLUMNS "WHERE request_id = ?", request_id));
}

std::vector<Attempt> attempts_of(Snapshot& snapshot, RunId run) {
  return read_all(Statement(snapshot, ATTEMPT_COLUMNS "WHERE run_id = ? ORDER BY number", run));
}

void renew_lease(Transaction& transaction, RunId run, std::int32_t number, TimeUs now) {
  Statement(transaction, "UPDATE attempts SET expires_us = ? + period_us WHERE run_id = ? AND number = ?",
            now, run, number)
      .run();
}

std::int64_t renew_all_leases(Transaction& transaction, TimeUs now) {
  return Statement(transaction, "UPDATE attempts SET expires_us = ? + period_us WHERE expires_us IS NOT NULL",
                   now)
      .run();
}

std::vector<Attempt> expired_attempts(Snapshot& snapshot, TimeUs now, std::size_t limit) {
  return read_all(
      Statement(snapshot, ATTEMPT_COLUMNS "WHERE expires_us <= ? ORDER BY expires_us LIMIT ?", now, limit));
}

void end_attempt(Transaction& transaction, RunId run, std::int32_t number, Outcome outcome,
                 const Reason& reason, TimeUs now) {
  Statement(transaction,
            "UPDATE attempts SET expires_us = NULL, ended_us = ?, outcome = ?, reason_kind = ?, "
            "reason_message = ?, reason_exit = ?, reason_signal = ? WHERE run_id = ? AND number = ?",
            now, outcome, reason.kind, reason.message, reason.exit_status, reason.signal, run, number)
      .run();
}

void reopen_attempt(Transaction& transaction, RunId run, std::int32_t number, TimeUs now) {
  Statement(
      transaction,
      "UPDATE attempts SET expires_us = ? + period_us, ended_us = NULL, outcome = NULL, reason_kind = 0, "
      "reason_message = '', reason_exit = 0, reason_signal = 0 WHERE run_id = ? AND number = ?",
      now, run, number)
      .run();
}

void set_log_tail(Transaction& transaction, RunId run, std::int32_t number,
                  const std::vector<std::string>& lines) {
  Statement(transaction, "UPDATE attempts SET log_tail_json = ? WHERE run_id = ? AND number = ?",
            to_json(lines), run, number)
      .run();
}

std::vector<std::string> log_tail(Snapshot& snapshot, RunId run) {
  Statement row(snapshot,
                "SELECT log_tail_json FROM attempts WHERE run_id = ? AND log_tail_json IS NOT NULL "
                "ORDER BY number DESC LIMIT 1",
                run);
  return row.step() ? row.strings(0) : std::vector<std::string>();
}

void start_attempt(Transaction& transaction, RunId run, std::int32_t number, const AttemptStarted& started) {
  Statement(
      transaction,
      "UPDATE attempts SET started_us = ?, resume_step = ?, total_steps = ? WHERE run_id = ? AND number = ?",
      started.started_us, started.resume_step, started.total_steps, run, number)
      .run();
}

void set_last_record(Transaction& transaction, RunId run, std::int32_t number, std::uint64_t last_record) {
  Statement(transaction, "UPDATE attempts SET last_record = ? WHERE run_id = ? AND number = ?", last_record,
            run, number)
      .run();
}

void set_provenance(Transaction& transaction, RunId run, std::int32_t number, const std::string& json) {
  Statement(transaction, "UPDATE attempts SET provenance_json = ? WHERE run_id = ? AND number = ?", json, run,
            number)
      .run();
}

void set_end_record(Transaction& transaction, RunId run, std::int32_t number, RunState state,
                    const Reason& reason) {
  Statement(
      transaction,
      "UPDATE attempts SET end_state = ?, end_reason_kind = ?, end_reason_message = ?, end_reason_exit = ?, "
      "end_reason_signal = ? WHERE run_id = ? AND number = ?",
      state, reason.kind, reason.message, reason.exit_status, reason.signal, run, number)
      .run();
}

std::string provenance_json(Snapshot& snapshot, RunId run) {
  Statement row(snapshot,
                "SELECT provenance_json FROM attempts WHERE run_id = ? AND provenance_json IS NOT NULL "
                "ORDER BY number DESC LIMIT 1",
                run);
  return row.step() ? row.text(0) : std::string();
}

void insert_barrier(Transaction& transaction, RunId run, const Barrier& barrier) {
  Statement(transaction, "INSERT INTO barriers (run_id, attempt, record, step) VALUES (?, ?, ?, ?)", run,
            barrier.attempt, barrier.record, barrier.step)
      .run();
}

std::string id_of(const Attempt& attempt) {
  return to_hex(attempt.token_hash.substr(0, kIdBytes));
}

std::vector<Barrier> barriers_of(Snapshot& snapshot, RunId run) {
  std::vector<Barrier> barriers;
  Statement rows(
      snapshot,
      "SELECT b.attempt, b.record, b.step, coalesce(substr(a.token_hash, 1, ?), '') FROM barriers b "
      "LEFT JOIN attempts a ON a.run_id = b.run_id AND a.number = b.attempt "
      "WHERE b.run_id = ? ORDER BY b.attempt, b.record",
      kIdBytes, run);
  while (rows.step())
    barriers.push_back(
        {rows.small(0), static_cast<std::uint64_t>(rows.integer(1)), rows.integer(2), to_hex(rows.text(3))});
  return barriers;
}

std::optional<Step> final_barrier(Snapshot& snapshot, RunId run) {
  Statement row(snapshot,
                "SELECT max(step) FROM barriers WHERE run_id = ?1 AND attempt <= "
                "(SELECT max(number) FROM attempts WHERE run_id = ?1 AND outcome = ?2)",
                run, Outcome::kSucceeded);
  row.step();
  return row.maybe_integer(0);
}

bool has_barrier(Snapshot& snapshot, RunId run, Step step) {
  return Statement(snapshot, "SELECT 1 FROM barriers WHERE run_id = ? AND step = ? LIMIT 1", run, step)
      .step();
}

}  // namespace hooke::storage
