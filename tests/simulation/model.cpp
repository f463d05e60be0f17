#include "tests/simulation/model.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "server/storage/points.h"
#include "server/storage/runs.h"
#include "server/storage/series.h"

namespace hooke::simulation {
namespace {

std::int64_t number_in(const nlohmann::json& object, const char* key, std::int64_t otherwise) {
  return object.contains(key) ? std::stoll(object.at(key).get<std::string>()) : otherwise;
}

std::string place(const std::string& run, std::int32_t attempt, std::uint64_t record) {
  return "run " + run + ", attempt " + std::to_string(attempt) + ", record " + std::to_string(record);
}

std::string text(Step step, State state) {
  return "step " + std::to_string(step) + " (state " + std::to_string(state) + ")";
}

// The points of one series from a step on.
std::vector<std::pair<Step, State>> stored_points(storage::Snapshot& snapshot, SeriesId series,
                                                  const std::string& key, Step from) {
  std::vector<std::pair<Step, State>> points;
  if (key == kMatrix) {
    for (const auto& point : storage::read_matrices(snapshot, series, {from})) {
      float mean = 0;
      std::memcpy(&mean, point.planes.data(), sizeof mean);
      points.emplace_back(point.step, static_cast<State>(mean));
    }
    return points;
  }
  const auto column = storage::read_scalars(snapshot, series, {from});
  for (std::size_t i = 0; i < column.step.size(); ++i)
    points.emplace_back(column.step[i], static_cast<State>(column.value[i]));
  return points;
}

}  // namespace

std::vector<std::string> Plan::series_at(Step step) const {
  std::vector<std::string> keys{kLoss};
  if (step % matrix_every == 0) keys.push_back(kMatrix);
  if ((step + 1) % accuracy_every == 0) keys.push_back(kAccuracy);
  return keys;
}

std::string Plan::json() const {
  return nlohmann::json{{"steps", steps}, {"matrix_every", matrix_every}, {"accuracy_every", accuracy_every}}
      .dump();
}

Plan Plan::from(const std::string& text) {
  const auto json = nlohmann::json::parse(text);
  return {json.at("steps"), json.at("matrix_every"), json.at("accuracy_every")};
}

State Model::grow(State parent) {
  parents_.push_back(parent);
  return parents_.size() - 1;
}

Model::Fact Model::fact_of(spool::Kind kind, const std::string& payload) {
  if (kind == spool::Kind::kScalars) {
    const auto scalars = spool::decode_scalars(payload);
    return {Fact::Kind::kPoint, scalars.step, scalars.values[0].first,
            static_cast<State>(scalars.values[0].second)};
  }
  if (kind == spool::Kind::kMatrix) {
    const auto matrix = spool::decode_matrix(payload);
    float mean = 0;
    std::memcpy(&mean, matrix.planes.data(), sizeof mean);
    return {Fact::Kind::kPoint, matrix.step, matrix.series, static_cast<State>(mean)};
  }
  const auto json = nlohmann::json::parse(payload);
  if (json.contains("attemptStart"))
    return {Fact::Kind::kStart, number_in(json["attemptStart"], "resumeStep", -1), {}, 0};
  if (json.contains("barrier")) return {Fact::Kind::kBarrier, number_in(json["barrier"], "step", 0), {}, 0};
  return {};
}

void Model::recorded(const std::string& run, std::int32_t attempt, std::uint64_t number, spool::Kind kind,
                     const std::string& payload) {
  auto& facts = runs_.at(run).attempts[attempt].facts;
  if (number != facts.size() + 1) throw Violation(place(run, attempt, number) + ": recorded out of order");
  facts.push_back(fact_of(kind, payload));
}

void Model::not_recorded(const std::string& run, std::int32_t attempt) {
  runs_.at(run).attempts[attempt].facts.pop_back();
}

void Model::granted(const std::string& run, std::int32_t attempt) {
  Run& known = runs_.at(run);
  known.granted = std::max(known.granted, attempt);
}

void Model::acknowledged(const std::string& run, std::int32_t attempt, std::uint64_t record) {
  Attempt& known = runs_.at(run).attempts[attempt];
  if (record > known.stored) throw Violation(place(run, attempt, record) + ": acknowledged, but not stored");
  if (record <= known.acknowledged) return;
  world_.totals.acknowledged += static_cast<std::int64_t>(record - known.acknowledged);
  known.acknowledged = record;
}

void Model::add_point(const std::string& name, Run& run, const Fact& fact) {
  Curve& curve = run.curves[fact.series];
  const auto wrong = [&](const std::string& what) {
    throw Violation("run " + name + ", " + fact.series + ", " + text(fact.step, fact.state) + ": " + what);
  };
  if (!curve.empty() && fact.step <= curve.back().first) {
    ++world_.totals.duplicated;
    wrong("after step " + std::to_string(curve.back().first));
  }
  curve.emplace_back(fact.step, fact.state);
  // Every step has a loss, measured in a state that grew from that of the step before; all else that is
  // measured at a step is measured in the same state.
  const Curve& losses = run.curves[kLoss];
  if (fact.series != kLoss) {
    if (losses.empty() || losses.back() != curve.back())
      wrong("it was measured in another state than the loss");
    return;
  }
  if (fact.step != static_cast<Step>(losses.size()) - 1) wrong("steps before it are missing");
  const State before = losses.size() > 1 ? losses[losses.size() - 2].second : 0;
  if (parents_.at(fact.state) != before)
    wrong("it belongs to another trajectory than the step before, state " + std::to_string(before));
}

// A barrier has everything up to its step.
void Model::add_barrier(const std::string& name, Run& run, Step step) {
  run.barriers.insert(step);
  for (const std::string& key : run.plan.series_at(step))
    if (run.curves[key].empty() || run.curves[key].back().first != step)
      throw Violation("run " + name + ", barrier of step " + std::to_string(step) + ": " + key + " lacks it");
  // What the steps before it must have was seen at the barriers before, but for the last stretch.
  for (const auto& [key, every, first] :
       {std::tuple(kMatrix, run.plan.matrix_every, Step{0}),
        std::tuple(kAccuracy, run.plan.accuracy_every, run.plan.accuracy_every - 1)}) {
    const auto wanted = step < first ? 0 : (step - first) / every + 1;
    if (static_cast<Step>(run.curves[key].size()) != wanted)
      throw Violation("run " + name + ", barrier of step " + std::to_string(step) + ": " + key + " has " +
                      std::to_string(run.curves[key].size()) + " points, not " + std::to_string(wanted));
  }
}

void Model::add(const std::string& name, Run& run, const Fact& fact) {
  switch (fact.kind) {
    case Fact::Kind::kStart:
      if (fact.step >= 0 && !run.barriers.contains(fact.step))
        throw Violation("run " + name + " resumes after step " + std::to_string(fact.step) +
                        ", which is no barrier");
      for (auto& [key, curve] : run.curves)
        while (!curve.empty() && curve.back().first > fact.step) curve.pop_back();
      run.barriers.erase(run.barriers.upper_bound(fact.step), run.barriers.end());
      run.changed_from = std::min(run.changed_from, fact.step + 1);
      return;
    case Fact::Kind::kPoint:
      run.changed_from = std::min(run.changed_from, fact.step);
      return add_point(name, run, fact);
    case Fact::Kind::kBarrier:
      return add_barrier(name, run, fact.step);
    case Fact::Kind::kOther:
      return;
  }
}

// Brings `stored` and what must be stored up to the numbers of the attempts' last records.
void Model::advance(storage::Snapshot& snapshot, const std::string& name, Run& run, bool all) {
  const auto row = storage::find_run(snapshot, name);
  if (!row || row->attempt < run.granted)
    throw Violation("run " + name + ": attempt " + std::to_string(run.granted) + " was granted and is gone");
  run.id = row->id;
  if (row->reason.kind == storage::ReasonKind::kProtocol)
    throw Violation("run " + name + " broke a rule: " + row->reason.message);
  if (all) {
    // The server was away: anything that nobody was told may be gone.
    run.curves.clear();
    run.barriers.clear();
    run.newest = 0;
    for (auto& [number, attempt] : run.attempts) attempt.stored = 0;
    run.changed_from = 0;
  }
  for (const auto& stored : storage::attempts_of(snapshot, row->id)) {
    Attempt& attempt = run.attempts[stored.number];
    if (stored.last_record == attempt.stored) continue;
    if (stored.last_record < attempt.stored || stored.last_record < attempt.acknowledged) {
      ++world_.totals.lost;
      throw Violation(place(name, stored.number, std::max(attempt.stored, attempt.acknowledged)) +
                      ": lost; the last is " + std::to_string(stored.last_record));
    }
    if (stored.number < run.newest || (!all && stored.number != row->attempt))
      throw Violation(place(name, stored.number, stored.last_record) + ": stored, though attempt " +
                      std::to_string(row->attempt) + " has replaced it");
    if (stored.last_record > attempt.facts.size())
      throw Violation(place(name, stored.number, stored.last_record) + ": nobody has recorded it");
    run.newest = stored.number;
    for (; attempt.stored < stored.last_record; ++attempt.stored)
      add(name, run, attempt.facts[attempt.stored]);
  }
  for (const auto& [number, attempt] : run.attempts)
    if (attempt.stored < attempt.acknowledged) {
      ++world_.totals.lost;
      throw Violation(place(name, number, attempt.acknowledged) + ": acknowledged, and lost");
    }
}

void Model::compare(storage::Snapshot& snapshot, const std::string& name, Run& run, bool all) {
  const Step from = all ? 0 : std::max<Step>(0, run.changed_from - 1);
  run.changed_from = std::numeric_limits<Step>::max();
  std::map<std::string, SeriesId> ids;
  for (const auto& series : storage::series_of(snapshot, run.id)) ids[series.declaration.key] = series.id;
  for (const auto& [key, curve] : run.curves) {
    const auto id = ids.find(key);
    const auto found = id == ids.end() ? Curve() : stored_points(snapshot, id->second, key, from);
    const auto first = std::lower_bound(curve.begin(), curve.end(), std::pair(from, State{0}));
    const Curve wanted(first, curve.end());
    world_.totals.compared += static_cast<std::int64_t>(wanted.size());
    if (found == wanted) continue;
    if (found.size() < wanted.size()) ++world_.totals.lost;
    if (found.size() > wanted.size()) ++world_.totals.duplicated;
    const auto [is, must] = std::mismatch(found.begin(), found.end(), wanted.begin(), wanted.end());
    throw Violation("run " + name + ", " + key + ": " +
                    (is == found.end() ? "ends" : "has " + text(is->first, is->second)) + " where " +
                    (must == wanted.end() ? "it must end" : text(must->first, must->second) + " must be"));
  }
  std::set<Step> barriers;
  for (const auto& barrier : storage::barriers_of(snapshot, run.id)) barriers.insert(barrier.step);
  if (barriers != run.barriers)
    throw Violation("run " + name + ": " + std::to_string(barriers.size()) + " barriers are stored, not " +
                    std::to_string(run.barriers.size()));
}

void Model::check_run(storage::Snapshot& snapshot, const std::string& name, Run& run, bool all) {
  advance(snapshot, name, run, all);
  compare(snapshot, name, run, all);
}

void Model::check(storage::Readers& readers, const storage::Changes::Batch& changed) {
  auto snapshot = readers.snapshot();
  if (changed.everything) {
    for (auto& [name, run] : runs_) check_run(snapshot, name, run, false);
    return;
  }
  for (const auto& [id, change] : changed.runs) {
    const auto row = storage::find_run(snapshot, id);
    const auto run = runs_.find(row ? row->run_id : "");
    // One whose submitter has not heard of it yet has no records.
    if (run != runs_.end()) check_run(snapshot, run->first, run->second, false);
  }
}

void Model::check_all(storage::Readers& readers) {
  auto snapshot = readers.snapshot();
  for (auto& [name, run] : runs_) check_run(snapshot, name, run, true);
}

void Model::check_whole(const std::string& name) const {
  const Run& run = runs_.at(name);
  for (const auto& key : {kLoss, kMatrix, kAccuracy}) {
    std::vector<Step> wanted;
    for (Step step = 0; step < run.plan.steps; ++step) {
      const auto keys = run.plan.series_at(step);
      if (std::find(keys.begin(), keys.end(), key) != keys.end()) wanted.push_back(step);
    }
    std::vector<Step> found;
    if (const auto curve = run.curves.find(key); curve != run.curves.end())
      for (const auto& point : curve->second) found.push_back(point.first);
    if (found != wanted)
      throw Violation("run " + name + " has succeeded, and " + key + " has " + std::to_string(found.size()) +
                      " points, not " + std::to_string(wanted.size()));
  }
}

}  // namespace hooke::simulation
