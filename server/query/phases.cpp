#include "server/query/phases.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "server/analysis/consensus.h"
#include "server/analysis/influence.h"
#include "server/query/find.h"
#include "server/query/measures.h"
#include "server/query/values.h"

namespace hooke::query {
namespace {

using analysis::Phases;

static_assert(static_cast<int>(analysis::Scale::kLinear) == v1::SCALE_LINEAR);
static_assert(static_cast<int>(analysis::Scale::kLog) == v1::SCALE_LOG);

analysis::ModelSet models_of(const v1::GetPhasesRequest& request) {
  analysis::ModelSet models{false, false, false};
  for (const int family : request.families()) {
    switch (family) {
      case v1::PHASE_FAMILY_RELAXATION:
        models.relaxation = true;
        break;
      case v1::PHASE_FAMILY_PIECEWISE_LINEAR:
        models.piecewise_linear = true;
        break;
      case v1::PHASE_FAMILY_PIECEWISE_CONSTANT:
        models.piecewise_constant = true;
        break;
      default:
        throw invalid("families", std::to_string(family) + " is not a family of curves");
    }
  }
  return models;
}

analysis::PhaseOptions options_of(const v1::GetPhasesRequest& request) {
  analysis::PhaseOptions options;
  if (!v1::Scale_IsValid(request.scale()))
    throw invalid("scale", std::to_string(request.scale()) + " is not a scale");
  options.scale = static_cast<analysis::Scale>(request.scale());
  if (request.has_max_knots()) options.max_knots = request.max_knots();
  if (request.has_min_segment()) options.min_segment = request.min_segment();
  if (request.has_level()) options.level = request.level();
  if (request.has_elastic_slope()) options.elastic_slope = request.elastic_slope();
  if (!request.families().empty()) options.models = models_of(request);
  options.every_knot = request.every_knot();
  if (request.has_resamples()) options.resamples = request.resamples();
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

// Runs whose same series has a transition within the interval of each transition.
void count_seeds(v1::GetPhasesResponse& response) {
  for (auto& run : *response.mutable_runs()) {
    for (auto& transition : *run.mutable_transitions()) {
      int seeds = 0;
      for (const auto& other : response.runs()) {
        if (other.series() != run.series()) continue;
        bool within = false;
        for (const auto& theirs : other.transitions())
          within |= theirs.step() >= transition.step_low() && theirs.step() <= transition.step_high();
        seeds += within || &other == &run;
      }
      transition.set_seeds(seeds);
    }
  }
}

using Answers = std::vector<const v1::RunPhases*>;

// What several answers have in common; `over_runs`: of one series, else of one run.
void add_agreements(const Answers& answers, bool over_runs, double level, v1::GetPhasesResponse& response) {
  std::vector<analysis::Located> transitions;
  for (std::size_t i = 0; i < answers.size(); ++i)
    for (const auto& t : answers[i]->transitions())
      transitions.push_back({i, t.step(), t.step_low(), t.step_high()});
  for (const auto& agreement : analysis::agreements(transitions, level)) {
    auto* to = response.add_agreements();
    if (over_runs)
      to->set_series(answers.front()->series());
    else
      to->set_run(answers.front()->run());
    to->set_step(agreement.step);
    to->set_step_low(agreement.low);
    to->set_step_high(agreement.high);
    to->set_spread(agreement.spread);
    for (const std::size_t member : agreement.members)
      to->add_members(over_runs ? answers[member]->run() : answers[member]->series());
    to->set_of(static_cast<int>(answers.size()));
  }
}

void find_agreements(double level, v1::GetPhasesResponse& response) {
  for (const bool over_runs : {true, false}) {
    std::map<std::string, std::size_t> number;
    std::vector<Answers> groups;  // in the order of the answer
    for (const auto& run : response.runs()) {
      const auto [at, fresh] = number.emplace(over_runs ? run.series() : run.run(), groups.size());
      if (fresh) groups.emplace_back();
      groups[at->second].push_back(&run);
    }
    for (const Answers& answers : groups)
      if (answers.size() > 1) add_agreements(answers, over_runs, level, response);
  }
}

// Whether a run of an experiment is left out for this, rather than the question refused.
bool leaves_out(const Error& error) {
  return error.code() == Code::kFailedPrecondition || error.code() == Code::kNotFound;
}

using Asked = std::vector<std::pair<storage::Run, RunSeries>>;

struct LeftOut {
  storage::Run run;
  std::string series;
  Error error;
};

// The series of all runs that are asked for.
Asked read_all(storage::Snapshot& snapshot, const Parent& parent, const PhaseQuestion& question,
               std::vector<LeftOut>& left_out) {
  if (parent.runs.empty()) throw Error(Code::kFailedPrecondition, "the experiment has no runs");
  if (parent.runs.size() * question.series.size() > kMostPhaseSeries)
    throw invalid("series", std::to_string(question.series.size()) + " series of " +
                                std::to_string(parent.runs.size()) +
                                " runs are too many for one question; at most " +
                                std::to_string(kMostPhaseSeries) + " in all");
  Asked asked;
  for (const auto& run : parent.runs) {
    for (const auto& key : question.series) {
      try {
        asked.emplace_back(run, read_phase_series(snapshot, run, key));
      } catch (const Error& error) {
        if (!parent.experiment || !leaves_out(error)) throw;
        left_out.push_back({run, key, error});
      }
    }
  }
  return asked;
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
  std::vector<std::string> others;
  for (const auto& series : storage::series_of(snapshot, run.id)) others.push_back(series.declaration.key);
  throw Error(Code::kFailedPrecondition,
              "run " + run.run_id + " (" + name_of(run.state) + ") has no measurements of influence" +
                  (others.empty() ? " yet" : "; name one of its series: " + list_of(others)));
}

RunSeries read_phase_series(storage::Snapshot& snapshot, const storage::Run& run, const std::string& series) {
  const std::string key = series.empty() ? default_phase_series(snapshot, run) : series;
  Values values = read_values(snapshot, resolve(snapshot, run, key));
  return {key, std::move(values.step), std::move(values.value), std::move(values.sd)};
}

PhaseQuestion phase_question(const v1::GetPhasesRequest& request) {
  PhaseQuestion question{options_of(request), {request.series().begin(), request.series().end()}};
  analysis::check(question.options);
  if (question.series.empty()) question.series.emplace_back();
  const std::set<std::string> different(question.series.begin(), question.series.end());
  for (const auto& key : different)
    if (std::count(question.series.begin(), question.series.end(), key) > 1)
      throw invalid("series", key + " is asked twice");
  return question;
}

v1::RunPhases answer_phases(const storage::Run& run, const RunSeries& series,
                            const analysis::PhaseOptions& options) {
  try {
    return message_of(run, series.key, find_phases(series.step, series.value, series.sd, options));
  } catch (const Error& error) {
    throw Error(error.code(), series.key + ": " + error.what(), error.field());
  }
}

v1::GetPhasesResponse get_phases(storage::Readers& readers, const v1::GetPhasesRequest& request) {
  const PhaseQuestion question = phase_question(request);
  Parent parent;
  std::vector<LeftOut> left_out;
  Asked asked;
  {
    auto snapshot = readers.snapshot();
    parent = find_parent(snapshot, request.parent(), "parent");
    asked = read_all(snapshot, parent, question, left_out);
  }
  v1::GetPhasesResponse response;
  for (const auto& [run, series] : asked) {
    try {
      response.mutable_runs()->Add(answer_phases(run, series, question.options));
    } catch (const Error& error) {
      if (!parent.experiment || !leaves_out(error)) throw;
      left_out.push_back({run, series.key, error});
    }
  }
  if (response.runs().empty()) throw Error(left_out.front().error);
  for (const auto& [run, series, error] : left_out) {
    auto* to = response.add_left_out();
    to->set_run(resource_name(run));
    to->set_series(series);
    to->set_reason(error.what());
  }
  count_seeds(response);
  find_agreements(question.options.level, response);
  return response;
}

}  // namespace hooke::query
