#include "server/services/submit.h"

#include <algorithm>
#include <set>

#include "proto/hooke/run_config.h"
#include "proto/hooke/text.h"
#include "proto/hooke/yaml_config.h"

namespace hooke::services {
namespace {

constexpr std::size_t kMostValueBytes = 1000;
constexpr int kMostAttempts = 1000;
constexpr const char* kSeedField = "training.seed";

// One combination of a sweep's values.
struct Combination {
  v1::RunConfig config;
  storage::Pairs values;
};

void check_axes(const v1::SubmitExperimentRequest& request) {
  std::set<std::string> fields;
  std::size_t runs = std::max(1, request.seeds_size());
  for (int i = 0; i < request.sweep_size(); ++i) {
    const auto& axis = request.sweep(i);
    const std::string name = "sweep[" + std::to_string(i) + "]";
    if (axis.values().empty()) throw invalid(name + ".values", "has no value; at least one is needed");
    if (!fields.insert(axis.field()).second)
      throw invalid(name + ".field", "'" + axis.field() + "' is given twice");
    if (axis.field() == "name")
      throw invalid(name + ".field", "the name is of the experiment and cannot be swept");
    if (axis.field() == kSeedField && !request.seeds().empty())
      throw invalid(name + ".field", "seeds are given twice: as seeds and as a sweep over training.seed");
    runs *= static_cast<std::size_t>(axis.values_size());
    if (runs > kMostRuns)
      throw invalid(name + ".values",
                    "the sweep times the seeds make more than " + std::to_string(kMostRuns) + " runs");
  }
  if (runs > kMostRuns)
    throw invalid("seeds",
                  std::to_string(runs) + " are too many; at most " + std::to_string(kMostRuns) + " runs");
}

void check_seeds(const v1::SubmitExperimentRequest& request) {
  std::set<std::int64_t> seen;
  for (const std::int64_t seed : request.seeds())
    if (!seen.insert(seed).second) throw invalid("seeds", std::to_string(seed) + " is given twice");
}

std::vector<Combination> combine(const v1::RunConfig& config,
                                 const google::protobuf::RepeatedPtrField<v1::SweepAxis>& sweep) {
  std::vector<Combination> all = {{config, {}}};
  for (const auto& axis : sweep) {
    std::vector<Combination> longer;
    for (const Combination& one : all) {
      for (const std::string& value : axis.values()) {
        Combination next = one;
        set_field(next.config, axis.field(), value);
        next.values[axis.field()] = value;
        longer.push_back(std::move(next));
      }
    }
    all = std::move(longer);
  }
  return all;
}

scheduling::RunSpec spec_of(const Combination& combination, std::optional<std::int64_t> seed) {
  v1::RunConfig config = combination.config;
  if (seed) config.mutable_training()->set_seed(*seed);
  config = complete(std::move(config));
  return {canonical_json(config), config.training().seed(), combination.values};
}

}  // namespace

void check_shown(const std::string& field, const std::string& name) {
  if (name.size() > kMostNameBytes)
    throw invalid(field, "is longer than " + std::to_string(kMostNameBytes) + " bytes");
  if (!is_printable(name)) throw invalid(field, "has a control character");
}

void check_pairs(const char* field, const google::protobuf::Map<std::string, std::string>& pairs) {
  if (pairs.size() > kMostPairs)
    throw invalid(
        field, std::to_string(pairs.size()) + " entries are too many; at most " + std::to_string(kMostPairs));
  for (const auto& [key, value] : pairs) {
    if (key.empty() || key.size() > kMostNameBytes)
      throw invalid(field, "a key has from 1 to " + std::to_string(kMostNameBytes) + " bytes");
    if (value.size() > kMostValueBytes)
      throw invalid(
          field, "the value of '" + key + "' is longer than " + std::to_string(kMostValueBytes) + " bytes");
    if (!is_printable(key) || !is_printable(value))
      throw invalid(field, "'" + key + "' or its value has a control character");
  }
}

scheduling::SubmitRequest plan_submit(const v1::SubmitExperimentRequest& request, const std::string& caller) {
  if (request.request_id().empty())
    throw invalid("request_id", "is missing; a UUID of the caller's own makes a repeated submit harmless");
  check_seeds(request);
  check_axes(request);
  check_pairs("require", request.require());
  check_pairs("tags", request.tags());
  if (!request.executor().empty() && request.executor() != "slurm")
    throw invalid("executor", "'" + request.executor() + "' is not one; it is empty or slurm");
  if (request.has_max_attempts() && (request.max_attempts() < 1 || request.max_attempts() > kMostAttempts))
    throw invalid("max_attempts", std::to_string(request.max_attempts()) + " is not allowed; from 1 to " +
                                      std::to_string(kMostAttempts));
  check_shown("submitter", request.submitter());
  v1::RunConfig config = request.config();
  if (!request.experiment_id().empty()) config.set_name(request.experiment_id());

  scheduling::SubmitRequest plan;
  for (const Combination& combination : combine(config, request.sweep())) {
    if (request.seeds().empty()) plan.runs.push_back(spec_of(combination, std::nullopt));
    for (const std::int64_t seed : request.seeds()) plan.runs.push_back(spec_of(combination, seed));
  }
  plan.request_id = request.request_id();
  plan.name = complete(combine(config, request.sweep()).front().config).name();
  plan.require.insert(request.require().begin(), request.require().end());
  plan.tags.insert(request.tags().begin(), request.tags().end());
  plan.priority = request.priority();
  plan.executor = request.executor();
  plan.submitter = request.submitter().empty() ? caller : request.submitter();
  if (request.has_max_attempts()) plan.max_attempts = request.max_attempts();
  return plan;
}

v1::SubmitExperimentResponse preview(const scheduling::SubmitRequest& plan) {
  v1::SubmitExperimentResponse response;
  auto* experiment = response.mutable_experiment();
  experiment->set_name("experiments/" + plan.name);
  experiment->set_submitter(plan.submitter);
  experiment->set_run_count(static_cast<std::int32_t>(plan.runs.size()));
  experiment->mutable_tags()->insert(plan.tags.begin(), plan.tags.end());
  for (const auto& spec : plan.runs) {
    auto* run = response.add_runs();
    run->set_state(v1::RUN_STATE_QUEUED);
    run->set_seed(spec.seed);
    *run->mutable_config() = parse_config(spec.config_json, plan.name);
    run->set_config_json(spec.config_json);
    run->mutable_sweep()->insert(spec.sweep.begin(), spec.sweep.end());
    run->set_step(-1);
    run->set_submitter(plan.submitter);
    run->set_max_attempts(plan.max_attempts);
    run->mutable_require()->insert(plan.require.begin(), plan.require.end());
    run->set_priority(plan.priority);
    run->set_executor(plan.executor);
  }
  return response;
}

}  // namespace hooke::services
