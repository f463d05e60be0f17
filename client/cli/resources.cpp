#include "client/cli/resources.h"

#include <set>

#include "client/cli/output.h"
#include "proto/hooke/error.h"
#include "proto/hooke/run_config.h"

namespace hooke::cli {
namespace {

constexpr std::size_t kMaxListed = 10;

}  // namespace

std::string id_of(const std::string& resource_name) {
  return resource_name.substr(resource_name.rfind('/') + 1);  // npos + 1 is 0: the whole
}

std::string experiment_of(const std::string& run_name) {
  const std::size_t begin = run_name.find('/') + 1;
  return run_name.substr(begin, run_name.find('/', begin) - begin);
}

std::string state_name(v1::RunState state) {
  const auto* value = v1::RunState_descriptor()->FindValueByNumber(state);
  return value && state != v1::RUN_STATE_UNSPECIFIED ? short_name(*value) : "unknown";
}

bool is_final(v1::RunState state) {
  return state == v1::RUN_STATE_SUCCEEDED || state == v1::RUN_STATE_FAILED ||
         state == v1::RUN_STATE_CANCELLED;
}

std::optional<double> latest(const v1::Run& run, const std::string& key) {
  for (const v1::LatestValue& value : run.latest())
    if (value.key() == key) return value.value();
  return std::nullopt;
}

std::string end_of(const v1::Run& run) {
  std::string text = run.run_id() + " " + state_name(run.state());
  if (run.has_reason() && !run.reason().message().empty()) text += ": " + run.reason().message();
  return text;
}

std::string resolve(Api& api, const std::string& reference) {
  const v1::LookupResponse found = api.lookup(reference);
  return found.has_run() ? found.run().name() : found.experiment().name();
}

v1::Run resolve_run(Api& api, const std::string& reference) {
  const v1::LookupResponse found = api.lookup(reference);
  if (found.has_run()) return found.run();
  const auto runs = api.list_runs(found.experiment().name(), {.archived = true});
  if (runs.size() == 1) return runs.front();
  std::vector<std::string> ids;
  for (const v1::Run& run : runs) {
    if (ids.size() == kMaxListed) {
      ids.push_back(std::to_string(runs.size() - kMaxListed) + " more (`hooke runs list --experiment " +
                    reference + "`)");
      break;
    }
    ids.push_back(run.run_id());
  }
  throw invalid("", "'" + reference + "' is an experiment of " +
                        plural(static_cast<int>(runs.size()), "run") +
                        (ids.empty() ? "" : "; name one of " + enumerate(ids)));
}

std::optional<v1::Run> find_run(Api& api, const std::string& id) {
  try {
    const auto found = api.lookup(id);  // takes a prefix, too
    if (found.has_run() && (found.run().run_id() == id || found.run().offline_id() == id)) return found.run();
  } catch (const Error& error) {
    if (error.code() != Code::kNotFound && error.code() != Code::kInvalidArgument) throw;
  }
  return std::nullopt;
}

std::string resolve_experiment(Api& api, const std::string& reference) {
  const v1::LookupResponse found = api.lookup(reference);
  if (found.has_experiment()) return found.experiment().name();
  throw invalid("", "'" + reference + "' is a run, of the experiment " + experiment_of(found.run().name()));
}

std::vector<v1::Run> resolve_runs(Api& api, const std::vector<std::string>& references) {
  std::vector<v1::Run> runs;
  std::set<std::string> seen;
  const auto add = [&](const v1::Run& run) {
    if (seen.insert(run.name()).second) runs.push_back(run);
  };
  for (const std::string& reference : references) {
    const v1::LookupResponse found = api.lookup(reference);
    if (found.has_run()) {
      add(found.run());
      continue;
    }
    for (const v1::Run& run : api.list_runs(found.experiment().name(), {.archived = true})) add(run);
  }
  return runs;
}

}  // namespace hooke::cli
