// hooke phases
#include <cmath>
#include <ostream>

#include "client/cli/commands.h"
#include "client/cli/resources.h"

namespace hooke::cli {
namespace {

struct PhasesOptions {
  std::string target;
  std::string series;
  bool transitions = false;
  Format format = Format::kTable;
};

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

Grid segments(const v1::GetPhasesResponse& answer, bool with_run) {
  Grid grid{{"from", "to", "kind", "slope", "slope_low", "slope_high"}, {}};
  if (with_run) grid.header.push_back("run");
  for (const v1::RunPhases& run : answer.runs())
    for (const v1::PhaseSegment& segment : run.segments()) {
      grid.rows.push_back({std::to_string(segment.from_step()), std::to_string(segment.to_step()),
                           kind_name(segment.kind()), number(segment.slope()), number(segment.slope_low()),
                           number(segment.slope_high())});
      if (with_run) grid.rows.back().push_back(id_of(run.run()));
    }
  return grid;
}

// No rows of a run whose verdict is another than a transition.
Grid transitions(const v1::GetPhasesResponse& answer, bool with_run) {
  Grid grid{{"step", "low", "high", "p_value", "bic_gain", "seeds"}, {}};
  if (with_run) grid.header.push_back("run");
  for (const v1::RunPhases& run : answer.runs()) {
    if (run.verdict() != v1::VERDICT_TRANSITION) continue;
    for (const v1::PhaseTransition& transition : run.transitions()) {
      grid.rows.push_back({number(transition.step()), number(transition.step_low()),
                           number(transition.step_high()),
                           transition.has_p_value() ? number(transition.p_value()) : "",
                           number(transition.bic_gain()), std::to_string(transition.seeds())});
      if (with_run) grid.rows.back().push_back(id_of(run.run()));
    }
  }
  return grid;
}

void print_csv_answer(Context& context, const v1::GetPhasesResponse& answer, const PhasesOptions& options,
                      bool with_run) {
  print_csv(context.out, options.transitions ? transitions(answer, with_run) : segments(answer, with_run));
  for (const v1::RunPhases& run : answer.runs()) {
    if (options.transitions && run.verdict() != v1::VERDICT_TRANSITION)
      context.note(id_of(run.run()) + ": " + verdict(run));
    for (const std::string& remark : run.remarks()) context.note(id_of(run.run()) + ": " + remark);
  }
}

Grid segment_table(const v1::RunPhases& run) {
  Grid grid{{"phase", "from", "to", "kind", "slope per step", "95% interval"}, {}};
  for (int i = 0; i < run.segments_size(); ++i) {
    const v1::PhaseSegment& segment = run.segments(i);
    grid.rows.push_back({std::to_string(i + 1), std::to_string(segment.from_step()),
                         std::to_string(segment.to_step()), kind_name(segment.kind()), brief(segment.slope()),
                         brief(segment.slope_low()) + " to " + brief(segment.slope_high())});
  }
  return grid;
}

void print_transitions(std::ostream& out, const v1::RunPhases& run, int runs) {
  for (const v1::PhaseTransition& transition : run.transitions()) {
    out << "transition at step " << whole(transition.step()) << " (95%: " << whole(transition.step_low())
        << " to " << whole(transition.step_high()) << ")";
    if (transition.has_p_value()) out << ", p = " << brief(transition.p_value());
    out << ", BIC gain " << brief(transition.bic_gain());
    if (runs > 1) out << ", in " << transition.seeds() << " of " << plural(runs, "run");
    out << '\n';
  }
}

void print_run(Context& context, const v1::RunPhases& run, int runs, bool only_transitions) {
  context.out << id_of(run.run()) << " · " << run.series() << " · "
              << (run.scale() == v1::SCALE_LOG ? "log scale" : "linear scale") << " · "
              << plural(run.points(), "point");
  if (run.omitted() > 0) context.out << " (" << run.omitted() << " left out: not finite)";
  context.out << "\n\n";
  if (!only_transitions) {
    print_table(context.out, segment_table(run));
    context.out << '\n';
  }
  print_transitions(context.out, run, runs);
  context.out << verdict(run) << '\n';
  for (const std::string& remark : run.remarks()) context.out << "remark: " << remark << '\n';
}

void phases(Context& context, const PhasesOptions& options) {
  const v1::LookupResponse found = context.api().lookup(options.target);
  v1::GetPhasesRequest request;
  request.set_parent(found.has_run() ? found.run().name() : found.experiment().name());
  request.set_series(options.series);
  const v1::GetPhasesResponse answer = context.api().get_phases(request);
  if (options.format == Format::kJson) return print_json(context.out, answer);
  if (options.format == Format::kCsv)
    return print_csv_answer(context, answer, options, found.has_experiment());
  for (int i = 0; i < answer.runs_size(); ++i) {
    if (i > 0) context.out << '\n';
    print_run(context, answer.runs(i), answer.runs_size(), options.transitions);
  }
}

}  // namespace

void add_phases(CLI::App& app, Context& context) {
  auto options = std::make_shared<PhasesOptions>();
  CLI::App* command = add_command<PhasesOptions>(
      app, "phases", "When training changes phase: elastic and inelastic stretches of a series",
      "  hooke phases fashion-mnist\n"
      "  hooke phases k3f9 --series elasticity/kl@small.dominance\n"
      "  hooke phases k3f9 --series train/loss --transitions -o csv",
      options, [&](const PhasesOptions& given) { phases(context, given); });
  command->add_option("TARGET", options->target, "A run, or an experiment: each of its runs")
      ->required()
      ->option_text("RUN|EXPERIMENT");
  command
      ->add_option("--series", options->series,
                   "Any scalar or derived series; default: the first measure's dominance")
      ->type_name("KEY");
  command->add_flag("--transitions", options->transitions, "The transitions alone, not the segments");
  add_format(*command, options->format);
}

}  // namespace hooke::cli
