#include "server/query/influence.h"

#include <set>

#include "server/analysis/bootstrap.h"
#include "server/analysis/influence.h"
#include "server/query/measures.h"
#include "server/query/subjects.h"

namespace hooke::query {
namespace {

using analysis::Cells;
using storage::Snapshot;

constexpr double kLowestLevel = 0.5, kHighestLevel = 0.999;
constexpr int kFewestResamples = 100, kMostResamples = 10'000;

v1::InfluenceSide side_of(const v1::GetInfluenceRequest& request) {
  v1::InfluenceSide side;
  side.set_parent(request.parent());
  side.set_measure(request.measure());
  side.set_update(request.update());
  if (request.has_step()) side.set_step(request.step());
  if (request.has_from_step()) side.set_from_step(request.from_step());
  if (request.has_to_step()) side.set_to_step(request.to_step());
  if (request.has_phase()) side.set_phase(request.phase());
  return side;
}

void fill_cells(v1::GetInfluenceResponse& response, const Cells& cells,
                const std::vector<analysis::Estimate>& estimates) {
  for (std::size_t i = 0; i < cells.cells.size(); ++i) {
    const auto& cell = cells.cells[i];
    auto* to = response.add_cells();
    if (estimates[i].low) to->set_low(*estimates[i].low);
    if (estimates[i].high) to->set_high(*estimates[i].high);
    to->set_mean(cell.mean);
    to->set_sd(cell.sd);
    to->set_count(cell.count);
    to->set_skipped(cell.skipped);
    to->set_ratio_of_means(cell.ratio_of_means);
    to->set_nonfinite(cell.nonfinite);
  }
}

void fill_summary(v1::GetInfluenceResponse& response, const analysis::Summary& summary) {
  fill(*response.mutable_dominance(), summary.dominance);
  fill(*response.mutable_dominance_ratio(), summary.dominance_ratio);
  for (const auto& estimate : summary.selectivity) fill(*response.add_selectivity(), estimate);
  fill(*response.mutable_asymmetry(), summary.asymmetry);
}

void fill_ranking(v1::GetInfluenceResponse& response, const analysis::Summary& summary) {
  std::vector<double> matrix;
  for (const auto& cell : summary.cells) matrix.push_back(cell.value);
  for (const std::size_t cell :
       analysis::ranking(matrix, static_cast<std::size_t>(response.class_names_size())))
    response.add_ranking(static_cast<std::int32_t>(cell));
}

// What the intervals are over.
void fill_interval(v1::GetInfluenceResponse& response, const analysis::BootstrapOptions& options, bool runs,
                   bool probes) {
  if (!runs && !probes) return;
  response.set_interval(runs ? v1::INTERVAL_KIND_RUNS : v1::INTERVAL_KIND_PROBES);
  response.set_level(options.level);
  if (probes) response.set_resamples(options.resamples);
}

analysis::BootstrapOptions bootstrap_options(const v1::GetInfluenceRequest& request) {
  analysis::BootstrapOptions options;
  if (request.has_level()) options.level = request.level();
  if (!(options.level >= kLowestLevel && options.level <= kHighestLevel))
    throw invalid("level", std::to_string(options.level) + " is not allowed; from 0.5 to 0.999");
  if (request.has_resamples()) options.resamples = request.resamples();
  if (options.resamples < kFewestResamples || options.resamples > kMostResamples)
    throw invalid("resamples", std::to_string(options.resamples) + " is not allowed; from " +
                                   std::to_string(kFewestResamples) + " to " +
                                   std::to_string(kMostResamples));
  return options;
}

}  // namespace

void fill(v1::Estimate& to, const analysis::Estimate& from) {
  to.set_value(from.value);
  if (from.low) to.set_low(*from.low);
  if (from.high) to.set_high(*from.high);
}

std::string shown_name(analysis::Plane plane) {
  return plane == analysis::Plane::kMean ? "mean" : "ratio_of_means";
}

v1::GetInfluenceResponse get_influence(storage::Readers& readers, const v1::GetInfluenceRequest& request) {
  const v1::InfluenceSide side = side_of(request);
  check(side);
  const analysis::BootstrapOptions options = bootstrap_options(request);
  std::string measure = request.measure();
  std::vector<Subject> subjects;
  std::vector<Cells> cells;
  std::vector<analysis::PairTable> tables;
  {
    auto snapshot = readers.snapshot();
    const Parent parent = find_parent(snapshot, request.parent(), "parent");
    subjects = find_subjects(snapshot, parent, measure, side);
    choose_steps(snapshot, subjects, side);
    for (const auto& subject : subjects) cells.push_back(cells_of(snapshot, subject));
    if (subjects.size() == 1) tables = tables_of(snapshot, subjects.front()).tables;
  }
  v1::GetInfluenceResponse response;
  const auto& declaration = subjects.front().series.declaration;
  response.set_key(declaration.key);
  response.set_description(declaration.description);
  response.mutable_class_names()->Add(declaration.class_names.begin(), declaration.class_names.end());
  std::set<Step> steps;
  for (const auto& subject : subjects) {
    steps.insert(subject.steps.begin(), subject.steps.end());
    response.add_runs(resource_name(subject.run));
  }
  response.mutable_steps()->Add(steps.begin(), steps.end());
  const auto plane = analysis::shown_plane(measure);
  auto summary = analysis::summarise(cells, plane, options.level);
  if (!tables.empty()) analysis::bootstrap_over_probes(tables, plane, options, summary);
  fill_cells(response, cells.size() > 1 ? analysis::average(cells) : cells.front(), summary.cells);
  fill_summary(response, summary);
  fill_interval(response, options, cells.size() > 1, !tables.empty());
  response.set_is_signed(is_signed_measure(measure));
  response.set_shown(shown_name(plane));
  fill_ranking(response, summary);
  return response;
}

}  // namespace hooke::query
