#include "client/cli/sweep.h"

#include "client/sdk/config_file.h"
#include "proto/hooke/error.h"
#include "proto/hooke/run_config.h"
#include "proto/hooke/yaml_config.h"

namespace hooke::cli {
namespace {

constexpr std::size_t kMaxRuns = 10'000;

}  // namespace

v1::SweepAxis parse_axis(const std::string& text) {
  const auto [field, values] = sdk::split_assignment(text, "--sweep");
  v1::SweepAxis axis;
  axis.set_field(field);
  int depth = 0;
  std::string value;
  for (const char c : values + ",") {
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (c != ',' || depth > 0) {
      value += c;
      continue;
    }
    if (value.empty()) throw invalid("", "--sweep: '" + text + "' has an empty value");
    axis.add_values(value);
    value.clear();
  }
  if (!value.empty()) throw invalid("", "--sweep: '" + text + "' has an open bracket");
  return axis;
}

std::vector<PlannedRun> planned_runs(const v1::SubmitExperimentRequest& request) {
  std::vector<PlannedRun> runs{{request.config(), {}}};
  for (const v1::SweepAxis& axis : request.sweep()) {
    std::vector<PlannedRun> more;
    for (const PlannedRun& run : runs)
      for (const std::string& value : axis.values()) {
        more.push_back(run);
        set_field(more.back().config, axis.field(), value);
        more.back().sweep.emplace_back(axis.field(), value);
        if (more.size() > kMaxRuns)
          throw invalid("", "--sweep: more than " + std::to_string(kMaxRuns) + " runs");
      }
    runs = std::move(more);
  }
  std::vector<PlannedRun> planned;
  for (PlannedRun& run : runs) {
    run.config = complete(run.config);
    if (request.seeds().empty()) planned.push_back(run);
    for (const std::int64_t seed : request.seeds()) {
      planned.push_back(run);
      planned.back().config.mutable_training()->set_seed(seed);
    }
  }
  return planned;
}

}  // namespace hooke::cli
