#include "server/query/phases.h"

#include <optional>
#include <utility>

#include "server/analysis/influence.h"
#include "server/query/find.h"
#include "server/query/measures.h"
#include "server/query/values.h"

namespace hooke::query {
namespace {

using analysis::Phases;

static_assert(static_cast<int>(analysis::Scale::kLinear) == v1::SCALE_LINEAR);
static_assert(static_cast<int>(analysis::Scale::kLog) == v1::SCALE_LOG);

analysis::PhaseOptions options_of(const v1::GetPhasesRequest& request) {
  analysis::PhaseOptions options;
  if (!v1::Scale_IsValid(request.scale()))
    throw invalid("scale", std::to_string(request.scale()) + " is not a scale");
  options.scale = static_cast<analysis::Scale>(request.scale());
  if (request.has_max_knots()) options.max_knots = request.max_knots();
  if (request.has_min_segment()) options.min_segment = request.min_segment();
  if (request.has_level()) options.level = request.level();
  if (request.has_elastic_slope()) options.elastic_slope = request.elastic_slope();
  return options;
}

v1::Verdict verdict_of(analysis::Verdict verdict) {
  switch (verdict) {
    case analysis::Verdict::kTransition:
      return v1::VERDICT_TRANSITION;
    case analysis::Verdict::kNoTransition:
      return v1::VERDICT_NO_TRANSITION;
    case analysis::Verdict::kUndecided:
      return v1::VERDICT_UNDECIDED;
  }
  return v1::VERDICT_UNSPECIFIED;
}

v1::RunPhases message_of(const storage::Run& run, const std::string& key, const Phases& phases) {
  v1::RunPhases to;
  to.set_run(resource_name(run));
  to.set_series(key);
  to.set_scale(static_cast<v1::Scale>(phases.scale));
  to.set_points(phases.points);
  to.set_omitted(phases.omitted);
  to.set_verdict(verdict_of(phases.verdict));
  for (const auto& segment : phases.segments) {
    auto* entry = to.add_segments();
    entry->set_from_step(segment.from);
    entry->set_to_step(segment.to);
    entry->set_kind(segment.elastic ? v1::PHASE_KIND_ELASTIC : v1::PHASE_KIND_INELASTIC);
    entry->set_slope(segment.slope);
    entry->set_slope_low(segment.slope_low);
    entry->set_slope_high(segment.slope_high);
  }
  for (const auto& transition : phases.transitions) {
    auto* entry = to.add_transitions();
    entry->set_step(transition.step);
    entry->set_step_low(transition.low);
    entry->set_step_high(transition.high);
    if (transition.p_value) entry->set_p_value(*transition.p_value);
    entry->set_bic_gain(transition.bic_gain);
  }
  for (const auto& model : phases.models) {
    auto* entry = to.add_models();
    entry->set_name(model.name);
    entry->set_bic(model.bic);
    entry->set_rss(model.rss);
    entry->mutable_breaks()->Add(model.breaks.begin(), model.breaks.end());
  }
  to.mutable_fitted_step()->Add(phases.fitted_step.begin(), phases.fitted_step.end());
  to.mutable_fitted_value()->Add(phases.fitted_value.begin(), phases.fitted_value.end());
  to.mutable_remarks()->Add(phases.remarks.begin(), phases.remarks.end());
  return to;
}

// Runs that have a transition within the interval of each transition.
void count_seeds(v1::GetPhasesResponse& response) {
  for (auto& run : *response.mutable_runs()) {
    for (auto& transition : *run.mutable_transitions()) {
      int seeds = 0;
      for (const auto& other : response.runs()) {
        bool within = false;
        for (const auto& theirs : other.transitions())
          within |= theirs.step() >= transition.step_low() && theirs.step() <= transition.step_high();
        seeds += within || &other == &run;
      }
      transition.set_seeds(seeds);
    }
  }
}

// Whether a run of an experiment is left out for this, rather than the question refused.
bool leaves_out(const Error& error) {
  return error.code() == Code::kFailedPrecondition || error.code() == Code::kNotFound;
}

}  // namespace

std::string default_phase_series(storage::Snapshot& snapshot, const storage::Run& run) {
  for (const std::string& measure : measures_of(run)) {
    const auto series = storage::find_series(snapshot, run.id, measure_key(measure, ""));
    if (!series || series->progress.count == 0) continue;
    if (series->declaration.kind == storage::SeriesKind::kScalar) return series->declaration.key;
    return analysis::to_string(
        {series->declaration.key, analysis::Figure::kDominance, analysis::shown_plane(measure), {}, {}});
  }
  throw Error(Code::kFailedPrecondition,
              "run " + run.run_id + " (" + name_of(run.state) + ") has no measurements yet");
}

RunSeries read_phase_series(storage::Snapshot& snapshot, const storage::Run& run, const std::string& series) {
  const std::string key = series.empty() ? default_phase_series(snapshot, run) : series;
  Values values = read_values(snapshot, resolve(snapshot, run, key));
  return {key, std::move(values.step), std::move(values.value), std::move(values.sd)};
}

v1::GetPhasesResponse get_phases(storage::Readers& readers, const v1::GetPhasesRequest& request) {
  const auto options = options_of(request);
  std::vector<std::pair<storage::Run, RunSeries>> found;
  std::optional<Error> left_out;
  bool experiment = false;
  {
    auto snapshot = readers.snapshot();
    const Parent parent = find_parent(snapshot, request.parent(), "parent");
    experiment = parent.experiment.has_value();
    for (const auto& run : parent.runs) {
      try {
        found.emplace_back(run, read_phase_series(snapshot, run, request.series()));
      } catch (const Error& error) {
        if (!experiment || !leaves_out(error)) throw;
        if (!left_out) left_out = error;
      }
    }
  }
  v1::GetPhasesResponse response;
  for (const auto& [run, series] : found) {
    try {
      const auto phases = analysis::find_phases(series.step, series.value, series.sd, options);
      *response.add_runs() = message_of(run, series.key, phases);
    } catch (const Error& error) {
      if (!experiment || !leaves_out(error)) throw;
      left_out = error;
    }
  }
  if (response.runs().empty()) {
    if (left_out) throw Error(*left_out);
    throw Error(Code::kFailedPrecondition, "the experiment has no runs");
  }
  count_seeds(response);
  return response;
}

}  // namespace hooke::query
