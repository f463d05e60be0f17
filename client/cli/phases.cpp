// hooke phases
#include <map>
#include <optional>
#include <ostream>
#include <utility>

#include "client/cli/commands.h"
#include "client/cli/phase_text.h"
#include "client/cli/resources.h"

namespace hooke::cli {
namespace {

struct PhasesOptions {
  std::string target;
  std::vector<std::string> series;
  std::string scale = "auto";
  std::vector<std::string> models;
  std::optional<int> knots, min_segment, resamples;
  std::optional<double> level, elastic_slope;
  bool every_knot = false;
  bool transitions = false;
  bool follow = false;
  Format format = Format::kTable;
};

// "95%"
std::string percent_of(const PhasesOptions& options) {
  return brief(100 * (1 - options.level.value_or(0.05))) + "%";
}

// What tells rows of one answer from those of another, as last columns.
struct Names {
  bool run, series;

  void add_header(Grid& grid) const {
    if (run) grid.header.push_back("run");
    if (series) grid.header.push_back("series");
  }
  void add_to(std::vector<std::string>& row, const v1::RunPhases& of) const {
    if (run) row.push_back(id_of(of.run()));
    if (series) row.push_back(of.series());
  }
};

Grid segments(const v1::GetPhasesResponse& answer, const Names& names) {
  Grid grid{{"from", "to", "kind", "slope", "slope_low", "slope_high"}, {}};
  names.add_header(grid);
  for (const v1::RunPhases& run : answer.runs())
    for (const v1::PhaseSegment& segment : run.segments()) {
      grid.rows.push_back({std::to_string(segment.from_step()), std::to_string(segment.to_step()),
                           kind_name(segment.kind()), number(segment.slope()), number(segment.slope_low()),
                           number(segment.slope_high())});
      names.add_to(grid.rows.back(), run);
    }
  return grid;
}

// No rows of a run whose verdict is another than a transition.
Grid transitions(const v1::GetPhasesResponse& answer, const Names& names) {
  Grid grid{{"step", "low", "high", "p_value", "bic_gain", "seeds"}, {}};
  names.add_header(grid);
  for (const v1::RunPhases& run : answer.runs()) {
    if (run.verdict() != v1::VERDICT_TRANSITION) continue;
    for (const v1::PhaseTransition& transition : run.transitions()) {
      grid.rows.push_back({number(transition.step()), number(transition.step_low()),
                           number(transition.step_high()),
                           transition.has_p_value() ? number(transition.p_value()) : "",
                           number(transition.bic_gain()), std::to_string(transition.seeds())});
      names.add_to(grid.rows.back(), run);
    }
  }
  return grid;
}

// Nothing is left out without a word.
void tell_left_out(Context& context, const v1::GetPhasesResponse& answer) {
  for (const v1::LeftOutSeries& one : answer.left_out())
    context.note("left out: " + id_of(one.run()) + (one.series().empty() ? "" : " " + one.series()) + ": " +
                 one.reason());
}

void print_csv_answer(Context& context, const v1::GetPhasesResponse& answer, const PhasesOptions& options,
                      const Names& names) {
  print_csv(context.out, options.transitions ? transitions(answer, names) : segments(answer, names));
  for (const v1::RunPhases& run : answer.runs()) {
    const std::string name = id_of(run.run()) + (names.series ? " " + run.series() : "");
    if (options.transitions && run.verdict() != v1::VERDICT_TRANSITION)
      context.note(name + ": " + verdict(run));
    for (const std::string& remark : run.remarks()) context.note(name + ": " + remark);
  }
}

Grid segment_table(const v1::RunPhases& run, const std::string& confidence) {
  Grid grid{{"phase", "from", "to", "kind", "slope per step", confidence + " interval"}, {}};
  for (int i = 0; i < run.segments_size(); ++i) {
    const v1::PhaseSegment& segment = run.segments(i);
    grid.rows.push_back({std::to_string(i + 1), std::to_string(segment.from_step()),
                         std::to_string(segment.to_step()), kind_name(segment.kind()), brief(segment.slope()),
                         brief(segment.slope_low()) + " to " + brief(segment.slope_high())});
  }
  return grid;
}

void print_transitions(std::ostream& out, const v1::RunPhases& run, int runs, const std::string& confidence) {
  for (const v1::PhaseTransition& transition : run.transitions())
    out << transition_text(transition, runs, confidence) << '\n';
}

void print_run(Context& context, const v1::RunPhases& run, int runs, const PhasesOptions& options) {
  const std::string confidence = percent_of(options);
  context.out << id_of(run.run()) << " · " << run.series() << " · "
              << (run.scale() == v1::SCALE_LOG ? "log scale" : "linear scale") << " · "
              << plural(run.points(), "point");
  if (run.omitted() > 0) context.out << " (" << run.omitted() << " left out: not finite)";
  context.out << "\n\n";
  if (!options.transitions) {
    print_table(context.out, segment_table(run, confidence));
    context.out << '\n';
  }
  print_transitions(context.out, run, runs, confidence);
  context.out << verdict(run) << '\n';
  for (const std::string& remark : run.remarks()) context.out << "remark: " << remark << '\n';
}

v1::GetPhasesRequest request_of(const PhasesOptions& options) {
  static const std::map<std::string, v1::Scale> kScales = {
      {"auto", v1::SCALE_UNSPECIFIED}, {"linear", v1::SCALE_LINEAR}, {"log", v1::SCALE_LOG}};
  static const std::map<std::string, v1::PhaseFamily> kFamilies = {
      {"relaxation", v1::PHASE_FAMILY_RELAXATION},
      {"knots", v1::PHASE_FAMILY_PIECEWISE_LINEAR},
      {"jumps", v1::PHASE_FAMILY_PIECEWISE_CONSTANT}};
  v1::GetPhasesRequest request;
  request.mutable_series()->Add(options.series.begin(), options.series.end());
  request.set_scale(kScales.at(options.scale));
  for (const std::string& model : options.models) request.add_families(kFamilies.at(model));
  if (options.knots) request.set_max_knots(*options.knots);
  if (options.min_segment) request.set_min_segment(*options.min_segment);
  if (options.level) request.set_level(*options.level);
  if (options.elastic_slope) request.set_elastic_slope(*options.elastic_slope);
  if (options.resamples) request.set_resamples(*options.resamples);
  request.set_every_knot(options.every_knot);
  return request;
}

// Notes each change of the answer until the runs have ended.
void follow(Context& context, const std::string& parent, const v1::GetPhasesRequest& question) {
  v1::TailRequest request;
  request.add_names(parent);
  request.set_without_points(true);
  *request.mutable_phases() = question;
  std::map<std::string, std::string> said;  // after the server was away it says once more what it said last
  context.api().tail(request, [&](const v1::TailResponse& message) {
    if (!message.has_phases()) return;
    const v1::RunPhases& run = message.phases();
    const std::string name = id_of(run.run()) + " " + run.series();
    const std::string text =
        run.verdict() == v1::VERDICT_UNSPECIFIED && run.remarks_size() > 0 ? run.remarks(0) : verdict(run);
    if (std::exchange(said[name], text) == text) return;
    context.note(name + " after " + plural(run.points(), "point") + ": " + text);
  });
}

void phases(Context& context, const PhasesOptions& options) {
  v1::GetPhasesRequest request = request_of(options);
  const v1::LookupResponse found = context.api().lookup(options.target);
  const std::string parent = found.has_run() ? found.run().name() : found.experiment().name();
  if (options.follow) follow(context, parent, request);
  request.set_parent(parent);
  const v1::GetPhasesResponse answer = context.api().get_phases(request);
  tell_left_out(context, answer);
  if (options.format == Format::kJson) return print_json(context.out, answer);
  if (options.format == Format::kCsv)
    return print_csv_answer(context, answer, options, {found.has_experiment(), options.series.size() > 1});
  int runs = 0;
  for (const v1::RunPhases& run : answer.runs()) runs += run.series() == answer.runs(0).series();
  for (int i = 0; i < answer.runs_size(); ++i) {
    if (i > 0) context.out << '\n';
    print_run(context, answer.runs(i), runs, options);
  }
  if (answer.agreements_size() > 0) context.out << '\n';
  for (const v1::PhaseAgreement& agreement : answer.agreements())
    context.out << agreement_text(agreement, percent_of(options)) << '\n';
}

void add_analysis_options(CLI::App& command, PhasesOptions& options) {
  command.add_option("--scale", options.scale, "auto, linear or log; auto: log when every value is positive")
      ->type_name("SCALE")
      ->check(CLI::IsMember({"auto", "linear", "log"}))
      ->capture_default_str();
  command
      .add_option("--models", options.models,
                  "Curves that compete with constant and trend: relaxation, knots (piecewise linear), jumps "
                  "(piecewise constant); default: all")
      ->delimiter(',')
      ->check(CLI::IsMember({"relaxation", "knots", "jumps"}))
      ->type_name("MODELS");
  command.add_option("--knots", options.knots, "Most knots, and jumps, of a curve; default: 2")
      ->type_name("N");
  command.add_option("--min-segment", options.min_segment, "Fewest points of a segment; default: 4")
      ->type_name("N");
  command.add_option("--level", options.level, "Of tests and intervals; default: 0.05")->type_name("P");
  command
      .add_option("--elastic-slope", options.elastic_slope,
                  "Least slope of an elastic segment, as a share of the steepest; default: 0.1")
      ->type_name("SHARE");
  command.add_flag("--every-knot", options.every_knot,
                   "A transition at every knot, not only between elastic and inelastic");
  command
      .add_option("--resamples", options.resamples,
                  "Simulated series for tests and intervals; default: 399; 0: neither")
      ->type_name("N");
}

}  // namespace

void add_phases(CLI::App& app, Context& context) {
  auto options = std::make_shared<PhasesOptions>();
  CLI::App* command = add_command<PhasesOptions>(
      app, "phases", "When training changes phase: elastic and inelastic stretches of a series",
      "  hooke phases fashion-mnist\n"
      "  hooke phases k3f9 --series elasticity/kl@small.dominance\n"
      "  hooke phases k3f9 --series 'elasticity/kl[ship,ship]' --series 'elasticity/kl[car,car]'\n"
      "  hooke phases k3f9 --follow                          each change of the answer while it trains\n"
      "  hooke phases k3f9 --series train/loss --models jumps --knots 3 --transitions -o csv",
      options, [&](const PhasesOptions& given) { phases(context, given); });
  command->add_option("TARGET", options->target, "A run, or an experiment: each of its runs")
      ->required()
      ->option_text("RUN|EXPERIMENT");
  command
      ->add_option(
          "--series", options->series,
          "Any scalar or derived series, again for more: do they change together? Default: the first "
          "measure's dominance")
      ->allow_extra_args(false)
      ->type_name("KEY");
  add_analysis_options(*command, *options);
  command->add_flag("--transitions", options->transitions, "The transitions alone, not the segments");
  command->add_flag("--follow", options->follow,
                    "Wait until the runs have ended; each change of the answer is a line on stderr");
  add_format(*command, options->format);
}

}  // namespace hooke::cli
