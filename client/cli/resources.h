// Experiments and runs as users name them: from a reference to a resource, and its short forms.
//
// Functions without state; those with an Api call the server and throw as it does.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/cli/api.h"

namespace hooke::cli {

// "k3f9" of "experiments/e/runs/k3f9"; "e" of "experiments/e".
std::string id_of(const std::string& resource_name);

// "e" of "experiments/e/runs/k3f9".
std::string experiment_of(const std::string& run_name);

// "queued", "running", …
std::string state_name(v1::RunState state);
bool is_final(v1::RunState state);

// Newest value of a scalar series; nothing when there is none.
std::optional<double> latest(const v1::Run& run, const std::string& key);

// One line on why it ended as it did, as "k3f9 failed: trainer killed by signal 9 (Killed)".
std::string end_of(const v1::Run& run);

// The resource name that a reference stands for, of a run or an experiment.
std::string resolve(Api& api, const std::string& reference);

// A run; an experiment stands for its run when it has one only.
// Throws hooke::Error (kInvalidArgument) with the runs of an experiment that has several.
v1::Run resolve_run(Api& api, const std::string& reference);

// The run with this id, or UUID of one that was made without a server; nothing when there is none.
std::optional<v1::Run> find_run(Api& api, const std::string& id);

// The experiment's resource name. Throws hooke::Error (kInvalidArgument) for a run.
std::string resolve_experiment(Api& api, const std::string& reference);

// Runs, and every run of experiments, each once, in the order given.
std::vector<v1::Run> resolve_runs(Api& api, const std::vector<std::string>& references);

}  // namespace hooke::cli
