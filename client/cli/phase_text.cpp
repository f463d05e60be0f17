#include "client/cli/phase_text.h"

#include <cmath>
#include <vector>

#include "client/cli/output.h"
#include "client/cli/resources.h"

namespace hooke::cli {

const char* kind_name(v1::PhaseKind kind) {
  switch (kind) {
    case v1::PHASE_KIND_ELASTIC:
      return "elastic";
    case v1::PHASE_KIND_INELASTIC:
      return "inelastic";
    default:
      return "unknown";
  }
}

std::string whole(double step) {
  return std::isfinite(step) ? std::to_string(std::llround(step)) : number(step);
}

std::string verdict(const v1::RunPhases& run) {
  switch (run.verdict()) {
    case v1::VERDICT_TRANSITION: {
      std::vector<std::string> steps;
      for (const v1::PhaseTransition& transition : run.transitions())
        steps.push_back(whole(transition.step()));
      if (steps.empty()) return "Training changes phase.";
      return "Training changes phase " + (steps.size() == 1 ? "once" : plural(steps.size(), "time")) +
             ", at step " + enumerate(steps) + ".";
    }
    case v1::VERDICT_NO_TRANSITION:
      return "Training does not change phase.";
    case v1::VERDICT_UNDECIDED:
      return "The data do not decide whether training changes phase.";
    default:
      return "The server gave no verdict.";
  }
}

std::string transition_text(const v1::PhaseTransition& transition, int runs, const std::string& confidence) {
  std::string text = "transition at step " + whole(transition.step());
  if (std::isfinite(transition.step_low()))
    text += " (" + confidence + ": " + whole(transition.step_low()) + " to " + whole(transition.step_high()) +
            ")";
  if (transition.has_p_value()) text += ", p = " + brief(transition.p_value());
  text += ", BIC gain " + brief(transition.bic_gain());
  if (runs > 1) text += ", in " + std::to_string(transition.seeds()) + " of " + plural(runs, "run");
  return text;
}

std::string agreement_text(const v1::PhaseAgreement& agreement, const std::string& confidence) {
  const bool over_runs = agreement.run().empty();
  std::vector<std::string> members;
  for (const std::string& member : agreement.members()) members.push_back(over_runs ? id_of(member) : member);
  std::string text =
      (over_runs ? agreement.series() : id_of(agreement.run())) + ": " + std::to_string(members.size()) +
      " of " + (over_runs ? plural(agreement.of(), "run") : std::to_string(agreement.of()) + " series") +
      (members.size() == 1 ? " changes" : " change") + " phase at step " + whole(agreement.step()) + " (" +
      confidence + ": " + whole(agreement.step_low()) + " to " + whole(agreement.step_high()) + ")";
  if (agreement.spread() > 0) text += ", sd between them " + brief(agreement.spread());
  return text + ": " + enumerate(members);
}

plots::Lane lane_of(const v1::RunPhases& run) {
  plots::Lane lane;
  for (const v1::PhaseSegment& segment : run.segments())
    lane.phases.push_back({static_cast<double>(segment.from_step()), static_cast<double>(segment.to_step()),
                           segment.kind() == v1::PHASE_KIND_ELASTIC});
  // A transition that the data do not decide on is none.
  if (run.verdict() == v1::VERDICT_TRANSITION)
    for (const v1::PhaseTransition& transition : run.transitions())
      lane.transitions.push_back({transition.step(), transition.step_low(), transition.step_high()});
  return lane;
}

plots::Curve fit_of(const v1::RunPhases& run) {
  plots::Curve curve;
  curve.x.assign(run.fitted_step().begin(), run.fitted_step().end());
  curve.y.assign(run.fitted_value().begin(), run.fitted_value().end());
  curve.y.resize(curve.x.size(), std::numeric_limits<double>::quiet_NaN());
  curve.is_fit = true;
  return curve;
}

plots::Transition mark_of(const v1::PhaseAgreement& agreement) {
  return {agreement.step(), agreement.step_low(), agreement.step_high()};
}

}  // namespace hooke::cli
