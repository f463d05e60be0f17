#include "server/query/sizes.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <iterator>
#include <map>
#include <optional>

#include "server/analysis/influence.h"
#include "server/query/find.h"
#include "server/query/influence.h"
#include "server/query/measures.h"
#include "server/query/values.h"
#include "server/storage/points.h"

namespace hooke::query {
namespace {

using analysis::Cells;
using storage::Snapshot;

constexpr const char* kPrefix = "elasticity/size.";
constexpr const char* kLimit = "limit";

// The series of one run and one measure: by rate, and the limit.
struct Scan {
  storage::Run run;
  std::map<double, storage::Series> rates;
  std::optional<storage::Series> limit;
  std::vector<Step> steps;
};

bool is_scalar(const storage::Series& series) {
  return series.declaration.kind == storage::SeriesKind::kScalar;
}

std::vector<Step> steps_of(Snapshot& snapshot, const storage::Series& series) {
  return is_scalar(series) ? storage::read_scalars(snapshot, series.id).step
                           : storage::matrix_steps(snapshot, series.id);
}

// Adds "elasticity/size.MEASURE@SIZE" to the measure's scan.
void sort_in(const storage::Series& series, std::map<std::string, Scan>& scans) {
  const std::string_view key = series.declaration.key;
  const auto at = key.find('@');
  if (!key.starts_with(kPrefix) || at == std::string_view::npos || series.progress.count == 0) return;
  const std::string measure(
      key.substr(std::string_view(kPrefix).size(), at - std::string_view(kPrefix).size()));
  const std::string_view size = key.substr(at + 1);
  double rate = 0;
  const auto parsed = std::from_chars(size.data(), size.data() + size.size(), rate);
  if (size == kLimit) {
    scans[measure].limit = series;
  } else if (parsed.ec == std::errc() && parsed.ptr == size.data() + size.size()) {
    scans[measure].rates[rate] = series;
  }
}

// The run's scan of a measure; `measure` empty: its first one, which it then is.
std::optional<Scan> find_scan(Snapshot& snapshot, const storage::Run& run, std::string& measure) {
  std::map<std::string, Scan> scans;
  for (const auto& series : storage::series_of(snapshot, run.id)) sort_in(series, scans);
  std::erase_if(scans, [](const auto& entry) { return !entry.second.limit || entry.second.rates.empty(); });
  if (scans.empty()) return std::nullopt;
  if (measure.empty()) {
    const auto wanted = measures_of(run);
    const auto first =
        std::find_if(wanted.begin(), wanted.end(), [&](const auto& name) { return scans.contains(name); });
    measure = first == wanted.end() ? scans.begin()->first : *first;
  }
  const auto found = scans.find(measure);
  if (found == scans.end()) {
    std::vector<std::string> has;
    for (const auto& entry : scans) has.push_back(entry.first);
    throw Error(Code::kNotFound,
                "run " + run.run_id + " has no update sizes of '" + measure + "'; it has " + list_of(has),
                "measure");
  }
  found->second.run = run;
  found->second.steps = steps_of(snapshot, *found->second.limit);
  return std::move(found->second);
}

std::vector<Scan> find_scans(Snapshot& snapshot, const Parent& parent, std::string& measure) {
  std::vector<Scan> scans;
  for (const auto& run : parent.runs)
    if (auto scan = find_scan(snapshot, run, measure)) scans.push_back(*std::move(scan));
  if (scans.empty()) {
    const std::string who = parent.experiment ? "no run of experiment " + parent.experiment->name + " was"
                                              : "run " + parent.runs.front().run_id + " was not";
    throw Error(Code::kFailedPrecondition,
                who + " measured over update sizes yet (probes.size_steps in the configuration)");
  }
  for (const auto& scan : scans)
    if (scan.limit->declaration.class_names != scans.front().limit->declaration.class_names)
      throw Error(Code::kFailedPrecondition, "runs " + scans.front().run.run_id + " and " + scan.run.run_id +
                                                 " have different classes; ask for one run at a time");
  return scans;
}

Step choose_step(const std::vector<Scan>& scans, std::optional<Step> wanted) {
  std::vector<Step> common = scans.front().steps;
  for (const auto& scan : scans) {
    std::vector<Step> both;
    std::set_intersection(common.begin(), common.end(), scan.steps.begin(), scan.steps.end(),
                          std::back_inserter(both));
    common = std::move(both);
  }
  if (common.empty())
    throw Error(Code::kFailedPrecondition, "the runs have no step in common with update sizes");
  if (!wanted) return common.back();
  if (std::binary_search(common.begin(), common.end(), *wanted)) return *wanted;
  std::vector<std::string> steps;
  for (const Step step : common) steps.push_back(std::to_string(step));
  throw Error(Code::kNotFound,
              "no update sizes at step " + std::to_string(*wanted) + "; there are some at " + list_of(steps),
              "step");
}

// A scalar is a matrix of one cell.
Cells cells_at(Snapshot& snapshot, const storage::Series& series, Step step) {
  const Error missing(Code::kDataLoss, series.declaration.key + " lacks step " + std::to_string(step));
  if (is_scalar(series)) {
    const auto column = storage::read_scalars(snapshot, series.id, {step, step});
    if (column.value.empty()) throw missing;
    analysis::Cell cell;
    cell.mean = cell.ratio_of_means = column.value[0];
    cell.count = 1;
    return {1, {cell}};
  }
  const auto matrix = storage::find_matrix(snapshot, series.id, step);
  if (!matrix) throw missing;
  return analysis::decode_cells(matrix->planes, series.declaration.class_names.size(),
                                series.declaration.eligible);
}

void add_size(v1::GetUpdateSizesResponse& response, const storage::Series& series, std::optional<double> rate,
              const std::vector<Cells>& runs, analysis::Plane plane) {
  const auto summary = analysis::summarise(runs, plane);
  auto* size = response.add_sizes();
  size->set_key(series.declaration.key);
  if (rate) size->set_rate(*rate);
  fill(*size->mutable_own(), summary.own);
  if (is_scalar(series)) return;
  fill(*size->mutable_others(), summary.others);
  fill(*size->mutable_dominance(), summary.dominance);
  fill(*size->mutable_dominance_ratio(), summary.dominance_ratio);
}

}  // namespace

v1::GetUpdateSizesResponse get_update_sizes(storage::Readers& readers,
                                            const v1::GetUpdateSizesRequest& request) {
  auto snapshot = readers.snapshot();
  const Parent parent = find_parent(snapshot, request.parent(), "parent");
  if (parent.runs.empty()) throw Error(Code::kFailedPrecondition, "the experiment has no runs");
  std::string measure = request.measure();
  const auto scans = find_scans(snapshot, parent, measure);
  const Step step = choose_step(scans, request.has_step() ? std::optional(request.step()) : std::nullopt);
  const auto plane = analysis::shown_plane(measure);

  v1::GetUpdateSizesResponse response;
  response.set_measure(measure);
  response.set_step(step);
  const auto& first = scans.front();
  const auto& declaration = first.limit->declaration;
  response.mutable_class_names()->Add(declaration.class_names.begin(), declaration.class_names.end());
  response.set_description(declaration.description);
  for (const auto& scan : scans) response.add_runs(resource_name(scan.run));
  response.set_shown(shown_name(plane));
  response.set_is_signed(is_signed_measure(measure));
  if (scans.size() > 1) response.set_interval(v1::INTERVAL_KIND_RUNS);
  for (const auto& [rate, series] : first.rates) {
    // Of the rates, those that every run has.
    const double at = rate;
    if (std::any_of(scans.begin(), scans.end(), [&](const Scan& scan) { return !scan.rates.contains(at); }))
      continue;
    std::vector<Cells> runs;
    for (const auto& scan : scans) runs.push_back(cells_at(snapshot, scan.rates.at(rate), step));
    add_size(response, series, rate, runs, plane);
  }
  std::vector<Cells> limits;
  for (const auto& scan : scans) limits.push_back(cells_at(snapshot, *scan.limit, step));
  add_size(response, *first.limit, std::nullopt, limits, plane);
  return response;
}

}  // namespace hooke::query
