#include "server/query/tail.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "server/query/find.h"
#include "server/query/resources.h"
#include "server/storage/attempts.h"
#include "server/storage/points.h"
#include "server/storage/series.h"

namespace hooke::query {
namespace {

using storage::Changes;
using storage::Snapshot;

constexpr std::size_t kRunsPerStep = 50;
constexpr std::size_t kTailPoints = 50'000;
constexpr std::size_t kMatrixBytesPerMessage = 1 << 20;
constexpr std::size_t kCellBytes = 20;
constexpr std::size_t kMessagesAtOnce = 3;

std::vector<storage::Run> runs_to_follow(storage::Readers& readers,
                                         const google::protobuf::RepeatedPtrField<std::string>& names) {
  auto snapshot = readers.snapshot();
  auto runs = find_all_runs(snapshot, {names.begin(), names.end()}, "names");
  if (runs.size() > kMostFollowedRuns)
    throw invalid("names", "stand for " + std::to_string(runs.size()) + " runs; at most " +
                               std::to_string(kMostFollowedRuns) + " can be followed at a time");
  return runs;
}

// Adds to `dirty` what the batch says of the runs.
template <class Runs>
void mark(const Changes::Batch& batch, const Runs& runs, std::set<RunId>& dirty) {
  for (const auto& entry : batch.runs)
    if (runs.contains(entry.first)) dirty.insert(entry.first);
}

}  // namespace

RunWatch::RunWatch(storage::Readers& readers, const v1::WatchRunsRequest& request) : readers_(readers) {
  for (const auto& run : runs_to_follow(readers, request.names())) runs_.insert(run.id);
  dirty_ = runs_;
}

FeedStep<v1::WatchRunsResponse> RunWatch::next(const Changes::Batch& batch) {
  if (batch.everything) dirty_ = runs_;
  mark(batch, runs_, dirty_);
  FeedStep<v1::WatchRunsResponse> step;
  if (!dirty_.empty()) {
    auto snapshot = readers_.snapshot();
    while (!dirty_.empty() && step.messages.size() < kRunsPerStep) {
      const RunId id = *dirty_.begin();
      dirty_.erase(dirty_.begin());
      const auto run = storage::find_run(snapshot, id);
      // A deleted run has ended.
      if (run) *step.messages.emplace_back().mutable_run() = run_resource(snapshot, *run);
      if (!run || storage::is_final(run->state)) {
        ended_.insert(id);
      } else {
        ended_.erase(id);
      }
    }
  }
  step.more = !dirty_.empty();
  step.done = !step.more && ended_.size() == runs_.size();
  return step;
}

Tail::Tail(storage::Readers& readers, const v1::TailRequest& request)
    : readers_(readers),
      keys_(request.keys().begin(), request.keys().end()),
      without_points_(request.without_points()) {
  for (const auto& run : runs_to_follow(readers, request.names())) {
    positions_[run.id] = {};
    ids_[run.run_id] = run.id;
    dirty_.insert(run.id);
  }
  changed_ = dirty_;
  if (!request.cursor().empty()) read_cursor(request.cursor());
  if (!request.has_phases()) return;
  if (!request.phases().parent().empty())
    throw invalid("phases.parent", "is left empty: the question is put to every run that is followed");
  phases_.emplace(request.phases());
}

Changes::Filter Tail::filter() const {
  Changes::Filter filter;
  for (const auto& entry : positions_) filter.runs.insert(entry.first);
  return filter;
}

void Tail::read_cursor(const std::string& text) {
  const Error bad = invalid("cursor", "is not from an earlier message of Tail");
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) throw Error(bad);
  try {
    for (const auto& [run_id, position] : json.items()) {
      const auto known = ids_.find(run_id);
      if (known == ids_.end()) continue;  // of a run that is not followed any more
      auto& to = positions_[known->second];
      to.attempt = position.at(0).get<std::int32_t>();
      for (const auto& [series, last] : position.at(1).items())
        to.last[std::stoll(series)] = last.get<Step>();
    }
  } catch (const std::exception&) {  // whatever is wrong with its shape
    throw Error(bad);
  }
}

std::string Tail::cursor() const {
  auto json = nlohmann::json::object();
  for (const auto& [run_id, id] : ids_) {
    const Position& position = positions_.at(id);
    auto last = nlohmann::json::object();
    for (const auto& [series, step] : position.last) last[std::to_string(series)] = step;
    json[run_id] = {position.attempt, std::move(last)};
  }
  return json.dump();
}

v1::TailResponse& Tail::add(FeedStep<v1::TailResponse>& step) const {
  auto& message = step.messages.emplace_back();
  message.set_cursor(cursor());
  return message;
}

// Attempts that have started since the last look have removed what was later than they resume at.
void Tail::cut_back(Snapshot& snapshot, const storage::Run& run, FeedStep<v1::TailResponse>& step) {
  Position& position = positions_[run.id];
  if (run.attempt <= position.attempt) return;
  std::optional<Step> after;
  for (const auto& attempt : storage::attempts_of(snapshot, run.id)) {
    if (attempt.number <= position.attempt || !attempt.started_us) continue;
    after = std::min(after.value_or(attempt.resume_step.value_or(-1)), attempt.resume_step.value_or(-1));
    position.attempt = attempt.number;
  }
  if (!after) return;
  const bool had_later = std::any_of(position.last.begin(), position.last.end(),
                                     [&](const auto& entry) { return entry.second > *after; });
  if (*after < 0) {
    position.last.clear();
  } else {
    for (auto& entry : position.last) entry.second = std::min(entry.second, *after);
  }
  if (!had_later) return;
  auto* truncation = add(step).mutable_truncation();
  truncation->set_run(resource_name(run));
  truncation->set_after_step(*after);
}

// What is left of one message.
struct Tail::Budget {
  std::size_t points = kTailPoints;
  std::size_t matrix_bytes = kMatrixBytesPerMessage;
};

std::optional<Step> Tail::read_column(Snapshot& snapshot, const storage::Series& series, Step next,
                                      Budget& budget, v1::TailPoints& points) {
  const auto column = storage::read_scalars(snapshot, series.id, {next}, budget.points);
  if (column.step.empty()) return std::nullopt;
  budget.points -= column.step.size();
  auto* to = points.add_columns();
  to->set_key(series.declaration.key);
  to->mutable_step()->Add(column.step.begin(), column.step.end());
  to->mutable_value()->Add(column.value.begin(), column.value.end());
  to->set_count(std::ssize(column.step));
  return column.step.back();
}

std::optional<Step> Tail::read_matrix_column(Snapshot& snapshot, const storage::Series& series, Step next,
                                             Budget& budget, v1::TailPoints& points) {
  const auto& declaration = series.declaration;
  const std::size_t size = std::max<std::size_t>(1, kCellBytes * declaration.eligible.size());
  // The first matrix of a message goes however large it is.
  const bool first = budget.matrix_bytes == kMatrixBytesPerMessage;
  const std::size_t wanted = std::max<std::size_t>(budget.matrix_bytes / size, first ? 1 : 0);
  if (wanted == 0) return std::nullopt;
  const auto matrices = storage::read_matrices(snapshot, series.id, {next}, wanted);
  if (matrices.empty()) return std::nullopt;
  budget.matrix_bytes -= std::min(budget.matrix_bytes, matrices.size() * size);
  auto* to = points.add_matrices();
  to->set_key(declaration.key);
  to->mutable_class_names()->Add(declaration.class_names.begin(), declaration.class_names.end());
  for (const auto& matrix : matrices) {
    to->add_step(matrix.step);
    to->add_planes(matrix.planes);
  }
  return matrices.back().step;
}

bool Tail::read_points(Snapshot& snapshot, RunId id, v1::TailPoints& points) {
  Position& position = positions_[id];
  Budget budget;
  bool whole = true;
  for (const auto& series : storage::series_of(snapshot, id)) {
    if (!keys_.empty() && !keys_.contains(series.declaration.key)) continue;
    if (series.declaration.kind == storage::SeriesKind::kPairs) continue;
    const auto seen = position.last.find(series.id.value);
    const Step next = seen == position.last.end() ? 0 : seen->second + 1;
    if (series.progress.count == 0 || series.progress.last_step < next) continue;
    const bool scalar = series.declaration.kind == storage::SeriesKind::kScalar;
    const auto last = scalar ? read_column(snapshot, series, next, budget, points)
                             : read_matrix_column(snapshot, series, next, budget, points);
    if (last) position.last[series.id.value] = *last;
    whole &= last && *last >= series.progress.last_step;
  }
  return whole;
}

bool Tail::look(Snapshot& snapshot, RunId id, FeedStep<v1::TailResponse>& step) {
  const auto run = storage::find_run(snapshot, id);
  if (!run) {  // deleted
    ended_.insert(id);
    return true;
  }
  cut_back(snapshot, *run, step);
  v1::TailPoints points;
  const bool whole = without_points_ || read_points(snapshot, id, points);
  if (points.columns_size() + points.matrices_size() > 0) {
    points.set_run(resource_name(*run));
    *add(step).mutable_points() = std::move(points);
  }
  if (!whole) return false;
  if (phases_) phases_->look(snapshot, *run);
  // The run itself comes after its points: whoever sees it ended has them all.
  if (changed_.erase(id) > 0) *add(step).mutable_run() = run_resource(snapshot, *run);
  if (storage::is_final(run->state)) {
    ended_.insert(id);
  } else {
    ended_.erase(id);
  }
  return true;
}

FeedStep<v1::TailResponse> Tail::next(const Changes::Batch& batch) {
  mark(batch, positions_, dirty_);
  for (const auto& [id, change] : batch.runs)
    if ((change.bits & storage::kStateChanged) != 0 && positions_.contains(id)) changed_.insert(id);
  if (batch.everything) {
    for (const auto& entry : positions_) dirty_.insert(entry.first);
    changed_ = dirty_;
  }
  FeedStep<v1::TailResponse> step;
  if (!dirty_.empty()) {
    auto snapshot = readers_.snapshot();
    // One run's points at a time keep the number of bytes in flight small.
    while (!dirty_.empty() && step.messages.size() < kMessagesAtOnce) {
      const RunId id = *dirty_.begin();
      if (!look(snapshot, id, step)) break;
      dirty_.erase(id);
    }
  }
  // Points come first: an answer takes its time.
  if (dirty_.empty() && step.messages.empty() && phases_ && phases_->due())
    if (auto answer = phases_->answer(readers_)) *add(step).mutable_phases() = *std::move(answer);
  step.more = !dirty_.empty() || (phases_ && phases_->due());
  step.done = !step.more && ended_.size() == positions_.size();
  return step;
}

}  // namespace hooke::query
