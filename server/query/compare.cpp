#include "server/query/compare.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "server/query/drawing.h"
#include "server/query/find.h"
#include "server/query/series.h"
#include "server/query/values.h"

namespace hooke::query {
namespace {

using nlohmann::ordered_json;
using storage::Run;
using storage::Snapshot;

std::vector<Run> runs_of(Snapshot& snapshot, const v1::CompareRunsRequest& request) {
  if (request.runs_size() < kFewestCompared || request.runs_size() > kMostCompared)
    throw invalid("runs", "names " + std::to_string(request.runs_size()) + "; from " +
                              std::to_string(kFewestCompared) + " to " + std::to_string(kMostCompared) +
                              " runs can be compared");
  std::vector<Run> runs;
  std::set<RunId> seen;
  for (const std::string& name : request.runs()) {
    runs.push_back(find_run(snapshot, name, "runs"));
    if (!seen.insert(runs.back().id).second)
      throw invalid("runs", "run " + runs.back().run_id + " is given twice");
  }
  return runs;
}

void check_comparison(const v1::CompareRunsRequest& request) {
  if (request.keys_size() > kMostKeys)
    throw invalid(
        "keys", std::to_string(request.keys_size()) + " are too many; at most " + std::to_string(kMostKeys));
  const std::set<std::string> keys(request.keys().begin(), request.keys().end());
  if (std::ssize(keys) < request.keys_size()) throw invalid("keys", "has one twice");
  // Each run has values at the steps of all.
  const int columns = std::max(1, request.keys_size()) * request.runs_size() * request.runs_size();
  const int most = kMostPointsPerAnswer / columns;
  if (request.points() < 0 || request.points() > most)
    throw invalid("points", std::to_string(request.points()) + " is not allowed; from 1 to " +
                                std::to_string(most) + " for this many runs and keys, or 0 for all of them");
}

// Every leaf of a configuration by its path; a list of plain values is one.
void flatten(const ordered_json& json, const std::string& path, std::map<std::string, std::string>& values,
             std::vector<std::string>& order) {
  const bool plain_list = json.is_array() && std::none_of(json.begin(), json.end(), [](const auto& element) {
                            return element.is_structured();
                          });
  if (json.is_structured() && !plain_list) {
    std::size_t index = 0;
    for (const auto& [name, value] : json.items()) {
      const std::string step = json.is_array() ? std::to_string(index++) : name;
      flatten(value, path.empty() ? step : path + "." + step, values, order);
    }
    return;
  }
  values[path] = json.is_string() ? json.get<std::string>() : json.dump();
  if (std::find(order.begin(), order.end(), path) == order.end()) order.push_back(path);
}

void add_parameters(const std::vector<Run>& runs, v1::CompareRunsResponse& response) {
  std::vector<std::string> order;
  std::vector<std::map<std::string, std::string>> configs(runs.size());
  for (std::size_t i = 0; i < runs.size(); ++i)
    flatten(ordered_json::parse(runs[i].config_json), "", configs[i], order);
  for (const std::string& path : order) {
    std::set<std::string> different;
    for (const auto& config : configs) different.insert(config.contains(path) ? "=" + config.at(path) : "");
    if (different.size() == 1) continue;
    auto* row = response.add_parameters();
    row->set_field(path);
    for (const auto& config : configs) row->add_values(config.contains(path) ? config.at(path) : "");
  }
}

void add_latest(Snapshot& snapshot, const std::vector<Run>& runs, v1::CompareRunsResponse& response) {
  std::map<std::string, std::map<std::size_t, storage::LatestValue>> rows;
  for (std::size_t i = 0; i < runs.size(); ++i)
    for (auto& value : storage::latest_values(snapshot, runs[i].id)) rows[value.key].emplace(i, value);
  for (const auto& [key, values] : rows) {
    if (response.latest_size() == static_cast<int>(kMostLatestRows)) break;
    auto* row = response.add_latest();
    row->set_key(key);
    for (std::size_t i = 0; i < runs.size(); ++i) {
      auto* cell = row->add_cells();
      const auto found = values.find(i);
      if (found == values.end()) continue;
      cell->set_step(found->second.step);
      cell->set_value(found->second.value);
    }
  }
  response.set_latest_omitted(static_cast<std::int32_t>(rows.size()) - response.latest_size());
}

// The key's series in each run; absent in a run that does not have it. Throws when none has.
std::vector<std::optional<Source>> sources_of(Snapshot& snapshot, const std::vector<Run>& runs,
                                              const std::string& key) {
  std::vector<std::optional<Source>> sources;
  std::optional<Error> missing;
  for (const Run& run : runs) {
    try {
      sources.emplace_back(resolve(snapshot, run, key));
    } catch (const Error& error) {
      if (error.code() != Code::kNotFound) throw;
      if (!missing) missing = error;
      sources.emplace_back();
    }
  }
  if (std::none_of(sources.begin(), sources.end(), [](const auto& source) { return source.has_value(); }))
    throw Error(missing->code(), missing->what(), "keys");
  return sources;
}

// The values at `steps`, where there are any; `drawn` are those that are known already.
Values values_at(Snapshot& snapshot, const Source& source, const std::set<Step>& steps, const Values& drawn) {
  Values values;
  for (const Step step : steps) {
    const auto known = std::lower_bound(drawn.step.begin(), drawn.step.end(), step);
    if (known != drawn.step.end() && *known == step) {
      values.step.push_back(step);
      values.value.push_back(drawn.value[static_cast<std::size_t>(known - drawn.step.begin())]);
      continue;
    }
    const Values one = read_values(snapshot, source, {step, step});
    values.step.insert(values.step.end(), one.step.begin(), one.step.end());
    values.value.insert(values.value.end(), one.value.begin(), one.value.end());
  }
  return values;
}

// The steps that a drawing of any of the runs needs, and each run's values there.
void add_series(Snapshot& snapshot, const std::vector<Run>& runs, const std::string& key, int points,
                v1::CompareRunsResponse& response) {
  const auto sources = sources_of(snapshot, runs, key);
  std::vector<Values> drawn(runs.size());
  std::set<Step> steps;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (!sources[i]) continue;
    drawn[i] = points == 0 ? read_values(snapshot, *sources[i])
                           : read_drawing(snapshot, *sources[i], {}, static_cast<std::size_t>(points));
    steps.insert(drawn[i].step.begin(), drawn[i].step.end());
  }
  auto* series = response.add_series();
  series->set_key(key);
  series->mutable_step()->Add(steps.begin(), steps.end());
  for (std::size_t i = 0; i < runs.size(); ++i) {
    auto* column = series->add_columns();
    column->set_key(key);
    if (!sources[i]) continue;
    column->set_count(count_values(snapshot, *sources[i], {}));
    // A run's drawing is all of it where it is short, or all was wanted.
    const bool whole = std::ssize(drawn[i].step) == column->count();
    const Values values = whole ? drawn[i] : values_at(snapshot, *sources[i], steps, drawn[i]);
    column->mutable_step()->Add(values.step.begin(), values.step.end());
    column->mutable_value()->Add(values.value.begin(), values.value.end());
  }
}

void refuse_too_many(Snapshot& snapshot, const std::vector<Run>& runs,
                     const v1::CompareRunsRequest& request) {
  std::int64_t total = 0;
  for (const std::string& key : request.keys())
    for (const auto& source : sources_of(snapshot, runs, key))
      total += source ? count_values(snapshot, *source, {}) : 0;
  if (total > kMostPointsPerAnswer)
    throw invalid("points", "0 would be all " + std::to_string(total) + "; at most " +
                                std::to_string(kMostPointsPerAnswer) + " fit into an answer: give a number");
}

}  // namespace

v1::CompareRunsResponse compare_runs(Snapshot& snapshot, const v1::CompareRunsRequest& request) {
  const auto runs = runs_of(snapshot, request);
  check_comparison(request);
  if (request.points() == 0) refuse_too_many(snapshot, runs, request);
  v1::CompareRunsResponse response;
  for (const Run& run : runs) response.add_runs(resource_name(run));
  add_parameters(runs, response);
  add_latest(snapshot, runs, response);
  for (const std::string& key : request.keys()) add_series(snapshot, runs, key, request.points(), response);
  return response;
}

}  // namespace hooke::query
