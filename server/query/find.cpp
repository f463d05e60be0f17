#include "server/query/find.h"

#include <set>

namespace hooke::query {
namespace {

using storage::Run;
using storage::Snapshot;

constexpr std::string_view kExperiments = "experiments/";
constexpr std::string_view kRuns = "/runs/";
constexpr std::size_t kCandidates = 5;
constexpr std::size_t kMostReferences = 1000;
constexpr const char* kRunsHint = "; `hooke runs list` shows what there is";
constexpr const char* kExperimentsHint = "; `hooke experiments list` shows what there is";

std::string in_quotes(std::string_view text) {
  return "'" + std::string(text) + "'";
}

Error not_found(const std::string& field, const std::string& message) {
  return Error(Code::kNotFound, message, field);
}

void require(std::string_view reference, const std::string& field, const char* what) {
  if (reference.empty()) throw invalid(field, std::string("is empty; it names ") + what);
}

std::optional<Run> run_by_prefix(Snapshot& snapshot, std::string_view id, const std::string& field) {
  if (auto run = storage::find_run(snapshot, id)) return run;
  if (auto run = storage::find_offline_run(snapshot, id)) return run;
  if (id.empty()) return std::nullopt;
  const auto candidates = storage::find_runs_by_prefix(snapshot, id, kCandidates + 1);
  if (candidates.empty()) return std::nullopt;
  if (candidates.size() == 1) return candidates.front();
  std::string list;
  for (std::size_t i = 0; i < std::min(candidates.size(), kCandidates); ++i)
    list += (list.empty() ? "" : ", ") + candidates[i].run_id;
  if (candidates.size() > kCandidates) list += ", …";
  throw invalid(field, in_quotes(id) + " stands for several runs: " + list);
}

// "E" and "ID" of "experiments/E/runs/ID".
struct RunName {
  std::string_view experiment, run;
};

std::optional<RunName> parse_run_name(std::string_view reference) {
  if (!reference.starts_with(kExperiments)) return std::nullopt;
  const auto rest = reference.substr(kExperiments.size());
  const auto at = rest.find(kRuns);
  if (at == std::string_view::npos) return std::nullopt;
  return RunName{rest.substr(0, at), rest.substr(at + kRuns.size())};
}

}  // namespace

storage::Run find_run(Snapshot& snapshot, std::string_view reference, const std::string& field) {
  require(reference, field, "a run, as in experiments/-/runs/ID");
  const auto name = parse_run_name(reference);
  const auto run = run_by_prefix(snapshot, name ? name->run : reference, field);
  if (!run) throw not_found(field, "there is no run " + in_quotes(name ? name->run : reference) + kRunsHint);
  if (name && name->experiment != "-" && name->experiment != run->experiment_name)
    throw not_found(field, "run " + run->run_id + " is of experiment " + in_quotes(run->experiment_name) +
                               ", not of " + in_quotes(name->experiment));
  return *run;
}

storage::Experiment find_experiment(Snapshot& snapshot, std::string_view reference,
                                    const std::string& field) {
  require(reference, field, "an experiment, as in experiments/NAME");
  const auto name = reference.starts_with(kExperiments) ? reference.substr(kExperiments.size()) : reference;
  if (auto experiment = storage::find_experiment(snapshot, name)) return *experiment;
  throw not_found(field, "there is no experiment " + in_quotes(name) + kExperimentsHint);
}

Resource lookup(Snapshot& snapshot, std::string_view reference, const std::string& field) {
  require(reference, field, "a run or an experiment");
  if (parse_run_name(reference)) return find_run(snapshot, reference, field);
  if (reference.starts_with(kExperiments)) return find_experiment(snapshot, reference, field);
  if (const auto run = storage::find_run(snapshot, reference)) return *run;
  if (const auto experiment = storage::find_experiment(snapshot, reference)) return *experiment;
  if (const auto run = run_by_prefix(snapshot, reference, field)) return *run;
  throw not_found(field, "there is no run or experiment " + in_quotes(reference) + kRunsHint);
}

Parent find_parent(Snapshot& snapshot, std::string_view reference, const std::string& field) {
  Parent parent;
  const Resource resource = lookup(snapshot, reference, field);
  if (const auto* run = std::get_if<Run>(&resource)) {
    parent.runs.push_back(*run);
    return parent;
  }
  parent.experiment = std::get<storage::Experiment>(resource);
  for (const RunId id : storage::runs_of(snapshot, parent.experiment->id))
    if (auto run = storage::find_run(snapshot, id)) parent.runs.push_back(*std::move(run));
  return parent;
}

std::vector<Run> find_all_runs(Snapshot& snapshot, const std::vector<std::string>& references,
                               const std::string& field) {
  if (references.empty()) throw invalid(field, "is empty; it names runs or an experiment");
  if (references.size() > kMostReferences)
    throw invalid(field, "has " + std::to_string(references.size()) + " names; at most " +
                             std::to_string(kMostReferences));
  std::set<RunId> seen;
  std::vector<Run> runs;
  for (const std::string& reference : references)
    for (Run& run : find_parent(snapshot, reference, field).runs)
      if (seen.insert(run.id).second) runs.push_back(std::move(run));
  return runs;
}

std::string resource_name(const storage::Experiment& experiment) {
  return std::string(kExperiments) + experiment.name;
}

std::string resource_name(const Run& run) {
  return std::string(kExperiments) + run.experiment_name + std::string(kRuns) + run.run_id;
}

}  // namespace hooke::query
