#include "server/ingest/session.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>
#include <utility>

#include "server/ingest/limits.h"
#include "server/ingest/rules.h"
#include "server/storage/attempts.h"
#include "server/storage/limits.h"
#include "server/storage/runs.h"
#include "server/storage/shorten.h"
#include "server/storage/workers.h"

namespace hooke::ingest {
namespace {

using storage::SeriesKind;
using storage::Transaction;

// What is not here yet: nothing of the batch is stored, and it may be sent again.
Error missing(const std::string& field, const std::string& what) {
  return Error(Code::kFailedPrecondition, what, field);
}

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

storage::Reason protocol_reason(const std::string& what) {
  storage::Reason reason;
  reason.kind = storage::ReasonKind::kProtocol;
  reason.message = what;
  return reason;
}

storage::Reason to_reason(const v1::Reason& message) {
  storage::Reason reason;
  // A kind that this version does not know must not reach the database.
  if (v1::ReasonKind_IsValid(message.kind())) reason.kind = static_cast<storage::ReasonKind>(message.kind());
  reason.message = storage::shorten(message.message(), storage::kMaxReasonBytes);
  reason.exit_status = message.exit_status();
  reason.signal = message.signal();
  return reason;
}

std::string to_json(const v1::Provenance& provenance) {
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(provenance, &json);
  if (!status.ok()) throw broken("provenance", std::string(status.message()));
  if (json.size() > kMaxProvenanceBytes)
    throw broken("provenance",
                 std::to_string(json.size()) + " bytes; at most " + std::to_string(kMaxProvenanceBytes));
  return json;
}

// The steps of a series increase.
void check_order(const SeriesCache::Entry& entry, Step step) {
  if (step <= entry.progress.last_step)
    throw broken(place(entry.declaration.key, step),
                 "not after its step " + std::to_string(entry.progress.last_step) + "; steps must increase");
}

}  // namespace

Session::Session(storage::Clock clock, storage::AttemptKey key)
    : clock_(std::move(clock)), key_(std::move(key)) {}

std::uint64_t Session::open(Transaction& transaction) {
  return storage::pass_fence(transaction, key_, clock_()).last_record;
}

void Session::reload(Transaction& transaction, const storage::FencedAttempt& attempt) {
  series_.load(transaction, attempt.run);
  last_barrier_ = -1;
  for (const auto& barrier : storage::barriers_of(transaction, attempt.run))
    last_barrier_ = std::max(last_barrier_, barrier.step);
}

Session::Applied Session::apply(Transaction& transaction, const v1::RecordBatch& batch) {
  now_ = clock_();
  attempt_ = storage::pass_fence(transaction, key_, now_);
  step_ = attempt_.step;
  total_steps_.reset();
  record_us_ = attempt_.is_segment ? std::nullopt : std::optional(now_);
  const bool had_ended = attempt_.end_state.has_value();
  changes_ = 0;
  // Whatever leaves this function by an exception leaves the cache to be read anew.
  if (std::exchange(last_record_, std::nullopt) != attempt_.last_record) reload(transaction, attempt_);

  Applied applied;
  applied.committed = attempt_.last_record;
  for (const v1::Record& record : batch.records()) {
    if (record.number() != 0 && record.number() <= applied.committed) continue;
    if (record.number() != applied.committed + 1)
      throw Error(Code::kOutOfRange, "record " + std::to_string(record.number()) + " came after record " +
                                         std::to_string(applied.committed) + "; open the stream again");
    try {
      apply_record(transaction, record);
    } catch (const Error& error) {
      if (error.code() != Code::kInvalidArgument) throw;
      applied.broken = "record " + std::to_string(record.number()) + ": " + error.what();
      break;
    }
    applied.committed = record.number();
    ++applied.records;
  }
  save(transaction, applied);
  if (!applied.broken.empty()) {
    end_run(transaction, storage::RunState::kFailed, protocol_reason(applied.broken));
  } else if (attempt_.is_segment && attempt_.end_state && !had_ended) {
    end_run(transaction, *attempt_.end_state, end_reason_);
  }
  last_record_ = applied.committed;
  return applied;
}

void Session::save(Transaction& transaction, const Applied& applied) {
  if (applied.records == 0) return;
  series_.save(transaction);
  storage::set_last_record(transaction, attempt_.run, attempt_.number, applied.committed);
  storage::set_progress(transaction, attempt_.run, {step_, total_steps_, record_us_});
  transaction.changed({attempt_.run, attempt_.experiment, storage::kPointsChanged | changes_});
}

void Session::end_run(Transaction& transaction, storage::RunState state, const storage::Reason& reason) {
  storage::StateChange ended;
  ended.state = state;
  ended.time_us = now_;
  ended.attempt = attempt_.number;
  ended.worker = attempt_.worker;
  ended.reason = reason;
  const bool succeeded = state == storage::RunState::kSucceeded;
  storage::end_attempt(transaction, attempt_.run, attempt_.number,
                       succeeded ? storage::Outcome::kSucceeded : storage::Outcome::kFailed, reason, now_);
  storage::change_state(transaction, attempt_.run, ended);
  if (!attempt_.is_segment) storage::set_worker_run(transaction, attempt_.worker, std::nullopt, now_);
}

void Session::apply_record(Transaction& transaction, const v1::Record& record) {
  if (attempt_.end_state) throw broken("end", "nothing may follow it");
  const bool first = record.number() == 1;
  switch (record.body_case()) {
    case v1::Record::kAttemptStart:
      if (!first) throw broken("attempt start", "it must be record 1");
      return apply_start(transaction, record.attempt_start());
    case v1::Record::kEnd:
      if (first && attempt_.is_segment) begin_segment(transaction);
      return apply_end(transaction, record.end());
    default:
      if (first) throw broken("record", "the first must be the attempt's start, or its end");
  }
  if (const auto& pending = series_.pending(); pending && !record.has_pairs())
    throw broken(place(pending->entry->declaration.key, pending->step),
                 "its rows from " + std::to_string(pending->rows) + " on must come before anything else");
  switch (record.body_case()) {
    case v1::Record::kSeriesDeclaration:
      return apply_declaration(transaction, record.series_declaration());
    case v1::Record::kScalars:
      return apply_scalars(transaction, record.number(), record.scalars());
    case v1::Record::kMatrix:
      return apply_matrix(transaction, record.matrix());
    case v1::Record::kPairs:
      return apply_pairs(transaction, record.pairs());
    case v1::Record::kBarrier:
      return apply_barrier(transaction, record.number(), record.barrier());
    case v1::Record::kProvenance:
      return storage::set_provenance(transaction, attempt_.run, attempt_.number,
                                     to_json(record.provenance()));
    default:
      throw broken("record", "it has no body that this server knows");
  }
}

// The run is (again) this segment's.
void Session::begin_segment(Transaction& transaction) {
  storage::begin_segment(transaction, attempt_.run, attempt_.number, attempt_.worker, now_);
  storage::StateChange running;
  running.state = storage::RunState::kRunning;
  running.time_us = now_;
  running.attempt = attempt_.number;
  running.worker = attempt_.worker;
  storage::change_state(transaction, attempt_.run, running);
}

// Its records are sent to the right place, and everything before them is here. What is not can be sent
// still: the run does not fail.
void Session::check_segment(Transaction& transaction, const v1::AttemptStart& start) {
  const v1::OfflineSegment& said = start.offline();
  if (lower_case(said.uuid()) != attempt_.offline_id)
    throw missing("offline.uuid", "the records are those of run '" + said.uuid() + "', the grant is for " +
                                      attempt_.offline_id);
  if (said.segment() != attempt_.number)
    throw missing("offline.segment", "the records are those of segment " + std::to_string(said.segment()) +
                                         ", the grant is for " + std::to_string(attempt_.number));
  const auto before = storage::find_attempt(transaction, attempt_.run, attempt_.number - 1);
  const std::uint64_t have = before ? before->last_record : 0;
  if (have < said.predecessor_last_record())
    throw missing("offline.predecessor_last_record",
                  "segment " + std::to_string(attempt_.number) + " follows record " +
                      std::to_string(said.predecessor_last_record()) + " of segment " +
                      std::to_string(attempt_.number - 1) + ", of which record " + std::to_string(have + 1) +
                      " and what follows are missing; send them first");
  if (start.has_resume_step() && !storage::has_barrier(transaction, attempt_.run, start.resume_step()))
    throw missing("attempt_start.resume_step",
                  "segment " + std::to_string(attempt_.number) + " goes on after step " +
                      std::to_string(start.resume_step()) +
                      ", which is no committed barrier; send all earlier segments first");
}

void Session::apply_start(Transaction& transaction, const v1::AttemptStart& start) {
  if (start.has_offline() && !attempt_.is_segment)
    throw broken("attempt start", "an offline segment in an attempt that is not one");
  if (attempt_.is_segment) {
    check_segment(transaction, start);
    begin_segment(transaction);
  }
  if (start.total_steps() < 0 || start.total_steps() > kMaxStep)
    throw broken("attempt start", "total_steps " + std::to_string(start.total_steps()) +
                                      " is not allowed; 0 to " + std::to_string(kMaxStep));
  const bool resumes = start.has_resume_step();
  if (attempt_.must_resume) {
    const auto final_step = storage::final_barrier(transaction, attempt_.run);
    if (!resumes || !final_step || start.resume_step() < *final_step)
      throw broken("attempt start", "the run was extended and must go on where it had ended" +
                                        (final_step ? ", at step " + std::to_string(*final_step) : "") +
                                        ", or later; it never begins again");
  }
  if (resumes && !storage::has_barrier(transaction, attempt_.run, start.resume_step()))
    throw broken("attempt start",
                 "step " + std::to_string(start.resume_step()) + " to resume at is no committed barrier");
  step_ = resumes ? start.resume_step() : -1;
  if (storage::truncate_after(transaction, attempt_.run, step_) > 0) changes_ |= storage::kPointsTruncated;
  storage::start_attempt(transaction, attempt_.run, attempt_.number,
                         {resumes ? std::optional(step_) : std::nullopt, start.total_steps(), now_});
  total_steps_ = start.total_steps();
  reload(transaction, attempt_);
}

void Session::apply_declaration(Transaction& transaction, const v1::SeriesDeclaration& message) {
  const auto declaration = checked_declaration(message);
  SeriesCache::Entry* entry = series_.find(declaration.key);
  if (!entry) {
    if (series_.size() >= kMaxSeries) throw broken(place(declaration.key), "the run has too many series");
    series_.insert(transaction, declaration);
    return;
  }
  const auto& before = entry->declaration;
  if (declaration == before) return;
  const bool same_shape = declaration.kind == before.kind && declaration.class_names == before.class_names &&
                          declaration.eligible == before.eligible &&
                          declaration.per_class == before.per_class;
  if (entry->progress.count > 0 && !same_shape)
    throw broken(place(declaration.key), "it was declared with another kind or other classes");
  storage::replace_declaration(transaction, entry->id, declaration);
  entry->declaration = declaration;
  entry->levels.reset();
}

// What an offline run recorded may be days old.
void Session::note_time(TimeUs recorded_us) {
  if (attempt_.is_segment) record_us_ = recorded_us;
}

// Everything is checked before anything is stored.
void Session::apply_scalars(Transaction& transaction, std::uint64_t record, const v1::ScalarPoints& points) {
  check_scalars(points);
  note_time(points.time_us());
  std::vector<SeriesCache::Entry*> entries;
  entries.reserve(static_cast<std::size_t>(points.key_size()));
  std::set<std::string_view> added;
  for (const std::string& key : points.key()) {
    SeriesCache::Entry* entry = series_.find(key);
    entries.push_back(entry);
    if (!entry) {
      check_key(key);
      if (!added.insert(key).second) throw broken(place(key, points.step()), "it is twice in one record");
      continue;
    }
    if (entry->declaration.kind != SeriesKind::kScalar)
      throw broken(place(key, points.step()), "it was declared as no scalar");
    check_order(*entry, points.step());
    if (std::exchange(entry->checked_record, record) == record)
      throw broken(place(key, points.step()), "it is twice in one record");
  }
  if (series_.size() + added.size() > kMaxSeries)
    throw broken("scalars, step " + std::to_string(points.step()), "the run has too many series");
  for (int i = 0; i < points.key_size(); ++i) {
    SeriesCache::Entry* entry = entries[static_cast<std::size_t>(i)];
    if (!entry) {
      storage::SeriesDeclaration declaration;
      declaration.key = points.key(i);
      entry = &series_.insert(transaction, declaration);
    }
    series_.append_scalar(transaction, *entry, points.step(), points.time_us(), points.value(i));
  }
  if (points.key_size() > 0) step_ = std::max(step_, points.step());
}

void Session::apply_matrix(Transaction& transaction, const v1::MatrixPoint& point) {
  check_step(place(point.key()), point.step());
  const std::string where = place(point.key(), point.step());
  check_time(where, point.time_us());
  SeriesCache::Entry* entry = series_.find(point.key());
  if (!entry || entry->declaration.kind != SeriesKind::kMatrix)
    throw broken(where, "no matrix was declared under this key");
  const std::size_t bytes = entry->declaration.eligible.size() * kBytesPerCell;
  if (point.planes().size() != bytes)
    throw broken(where, std::to_string(point.planes().size()) + " bytes for " +
                            std::to_string(entry->declaration.eligible.size()) + " cells; must be " +
                            std::to_string(bytes));
  check_order(*entry, point.step());
  note_time(point.time_us());
  series_.append_matrix(transaction, *entry, point.step(), point.time_us(), point.planes());
  step_ = std::max(step_, point.step());
}

// A table's rows may come in several records; it is there with the last of them.
void Session::apply_pairs(Transaction& transaction, const v1::PairsPoint& point) {
  check_step(place(point.key()), point.step());
  const std::string where = place(point.key(), point.step());
  check_time(where, point.time_us());
  SeriesCache::Entry* entry = series_.find(point.key());
  if (!entry || entry->declaration.kind != SeriesKind::kPairs)
    throw broken(where, "no pairs were declared under this key");
  check_order(*entry, point.step());
  const auto& pending = series_.pending();
  if (pending && (pending->entry != entry || pending->step != point.step()))
    throw broken(where, "the table of " + place(pending->entry->declaration.key, pending->step) +
                            " must be whole before another begins");
  const std::int32_t expected = pending ? pending->rows : 0;
  if (point.first_row() != expected)
    throw broken(where, "row " + std::to_string(point.first_row()) + " came in place of row " +
                            std::to_string(expected));
  const auto probes =
      static_cast<std::int32_t>(entry->declaration.class_names.size()) * entry->declaration.per_class;
  const std::int32_t rows = checked_pair_rows(point, static_cast<std::size_t>(probes));
  const bool whole = expected + rows == probes;
  series_.append_pairs(
      transaction, *entry,
      {point.step(), point.time_us(), expected, rows, point.numerators(), point.denominators()}, whole);
  if (whole) step_ = std::max(step_, point.step());
}

void Session::apply_barrier(Transaction& transaction, std::uint64_t record, const v1::Barrier& barrier) {
  check_step("barrier", barrier.step());
  if (barrier.step() < last_barrier_)
    throw broken("barrier", "step " + std::to_string(barrier.step()) + " is before the last one's " +
                                std::to_string(last_barrier_));
  storage::insert_barrier(transaction, attempt_.run, {attempt_.number, record, barrier.step()});
  last_barrier_ = barrier.step();
  step_ = std::max(step_, barrier.step());
}

void Session::apply_end(Transaction& transaction, const v1::End& end) {
  check_end(end);
  attempt_.end_state = static_cast<storage::RunState>(end.state());
  end_reason_ = to_reason(end.reason());
  storage::set_end_record(transaction, attempt_.run, attempt_.number, *attempt_.end_state, end_reason_);
}

}  // namespace hooke::ingest
