// What references stand for: resource names, experiments' names, runs' ids and their prefixes.
//
// Functions on a snapshot; callable from any thread. `field` names the request's field in errors.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/storage/experiments.h"
#include "server/storage/runs.h"

namespace hooke::query {

// From "experiments/E/runs/ID", "experiments/-/runs/ID" or ID; ID may be an unambiguous prefix,
// or the UUID of an offline run.
// Throws hooke::Error: kInvalidArgument (no reference, an ambiguous one, with its candidates), kNotFound.
storage::Run find_run(storage::Snapshot& snapshot, std::string_view reference, const std::string& field);

// From "experiments/E" or E. Throws as find_run.
storage::Experiment find_experiment(storage::Snapshot& snapshot, std::string_view reference,
                                    const std::string& field);

// Either: a resource name; else an experiment's name, a run's id or its unambiguous prefix.
using Resource = std::variant<storage::Experiment, storage::Run>;
Resource lookup(storage::Snapshot& snapshot, std::string_view reference, const std::string& field);

// The runs of what `reference` names, in the order of their submit.
struct Parent {
  std::optional<storage::Experiment> experiment;  // absent: one run was named
  std::vector<storage::Run> runs;
};
Parent find_parent(storage::Snapshot& snapshot, std::string_view reference, const std::string& field);

// The runs of several references, each run once.
std::vector<storage::Run> find_all_runs(storage::Snapshot& snapshot,
                                        const std::vector<std::string>& references, const std::string& field);

// "experiments/E/runs/ID".
std::string resource_name(const storage::Run& run);
std::string resource_name(const storage::Experiment& experiment);

}  // namespace hooke::query
