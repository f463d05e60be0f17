// hooke plot
#include <algorithm>
#include <optional>
#include <ostream>
#include <utility>

#include "client/cli/commands.h"
#include "client/cli/curves.h"
#include "client/cli/heat_maps.h"
#include "client/cli/phase_text.h"
#include "client/cli/resources.h"
#include "client/formats/out_file.h"
#include "client/plots/svg.h"
#include "client/plots/terminal.h"

namespace hooke::cli {
namespace {

constexpr int kSvgPoints = 1000;
constexpr int kPointsPerColumn = 4;  // of a terminal
constexpr int kSvgWidth = 640, kSvgHeight = 400;

struct PlotOptions {
  std::string target;
  std::vector<std::string> keys;
  std::string svg;  // empty: in the terminal
  std::optional<int> points, width, height;
  std::optional<std::int64_t> from, to, step;
  bool log = false, linear = false, phases = false, matrix = false;
  std::string title;
};

int clamped(const std::optional<int>& given, int normal, int fewest, int most, const char* option) {
  if (!given) return std::max(normal, fewest);
  if (*given < fewest || *given > most)
    throw invalid(option, std::to_string(*given) + " is not allowed; from " + std::to_string(fewest) +
                              " to " + std::to_string(most));
  return *given;
}

plots::TerminalOptions terminal_options(const Context& context, const PlotOptions& options) {
  constexpr int kMost = 1000, kPrompt = 2;
  plots::TerminalOptions terminal;
  terminal.columns =
      clamped(options.width, context.terminal.columns, plots::kFewestColumns, kMost, "--width");
  terminal.rows =
      clamped(options.height, context.terminal.rows - kPrompt, plots::kFewestRows, kMost, "--height");
  terminal.colour = context.terminal.colour;
  terminal.ascii = !context.terminal.unicode;
  return terminal;
}

plots::SvgOptions svg_options(const PlotOptions& options) {
  constexpr int kFewest = 200, kMost = 10'000;
  return {clamped(options.width, kSvgWidth, kFewest, kMost, "--width"),
          clamped(options.height, kSvgHeight, kFewest / 2, kMost, "--height"), true};
}

template <class Drawn>
void show(Context& context, const PlotOptions& options, const Drawn& drawn) {
  if (options.svg.empty()) {
    for (const std::string& line : plots::terminal_lines(drawn, terminal_options(context, options)))
      context.out << line << '\n';
    return;
  }
  const std::string text = plots::svg(drawn, svg_options(options));
  if (options.svg == "-") {
    context.out << text;
    return;
  }
  formats::replace_file(options.svg, text);
  context.note("wrote " + options.svg);
}

// Names of curves without what all have alike: "[a,b]" where all are of elasticity/kl.
void shorten_names(std::vector<WantedCurve>& wanted) {
  const std::string stored = stored_key(wanted.front().key);
  for (const WantedCurve& curve : wanted)
    if (!curve.key.starts_with(stored) || curve.key.size() == stored.size()) return;
  if (wanted.size() < 2) return;
  for (WantedCurve& curve : wanted) curve.name = curve.key.substr(stored.size());
}

std::string y_title(const std::vector<WantedCurve>& wanted) {
  const std::string title = axis_title(wanted.front().key);
  for (const WantedCurve& curve : wanted)
    if (axis_title(curve.key) != title) return "value";
  return title;
}

// A name for the lane of one answer among others.
std::string lane_name(const v1::GetPhasesResponse& answer, const v1::RunPhases& run) {
  const auto differ = [&](auto of) {
    return std::any_of(answer.runs().begin(), answer.runs().end(),
                       [&](const v1::RunPhases& other) { return of(other) != of(run); });
  };
  const std::string series = run.series().substr(run.series().rfind('/') + 1);
  if (!differ([](const v1::RunPhases& one) { return one.run(); })) return series;
  if (!differ([](const v1::RunPhases& one) { return one.series(); })) return id_of(run.run());
  return id_of(run.run()) + " " + series;
}

void add_phases(Context& context, const std::string& parent, const std::vector<WantedCurve>& wanted,
                plots::Figure& figure) {
  v1::GetPhasesRequest request;
  request.set_parent(parent);
  for (const WantedCurve& curve : wanted) request.add_series(curve.key);
  const v1::GetPhasesResponse answer = context.api().get_phases(request);
  for (const v1::LeftOutSeries& one : answer.left_out())
    context.note("left out: " + id_of(one.run()) + (one.series().empty() ? "" : " " + one.series()) + ": " +
                 one.reason());
  bool named = false;
  for (const v1::RunPhases& run : answer.runs()) {
    plots::Lane lane = lane_of(run);
    lane.name = lane_name(answer, run);
    figure.lanes.push_back(std::move(lane));
    plots::Curve fit = fit_of(run);
    if (!fit.x.empty() && !std::exchange(named, true)) fit.name = "fit";
    figure.curves.push_back(std::move(fit));
    const std::string who = answer.runs_size() > 1 ? figure.lanes.back().name + ": " : "";
    if (run.verdict() != v1::VERDICT_TRANSITION) figure.notes.push_back(who + verdict(run));
    for (const v1::PhaseTransition& transition : run.transitions())
      figure.notes.push_back(who + transition_text(transition, 1, "95%"));
    for (const std::string& remark : run.remarks()) context.note(who + remark);
  }
  for (const v1::PhaseAgreement& agreement : answer.agreements()) {
    if (agreement.run().empty() && agreement.members_size() > 1)
      figure.transitions.push_back(mark_of(agreement));
    figure.notes.push_back(agreement_text(agreement, "95%"));
  }
}

std::string target_name(const v1::LookupResponse& found) {
  if (found.has_experiment()) return id_of(found.experiment().name());
  return experiment_of(found.run().name()) + " " + found.run().run_id() + " (seed " +
         std::to_string(found.run().seed()) + ")";
}

void plot_curves(Context& context, const PlotOptions& options, const v1::LookupResponse& found) {
  const auto subjects = subjects_of(context.api(), found);
  // The one that has something to say, where runs of a sweep still wait.
  const auto begun = std::find_if(subjects.begin(), subjects.end(),
                                  [](const Subject& one) { return one.example().step() >= 0; });
  const Subject& example = begun == subjects.end() ? subjects.front() : *begun;
  WantedCurves wanted = expand_keys(context.api(), example, options.keys);
  for (const std::string& note : wanted.notes) context.note(note);
  plots::Figure figure;
  figure.title = options.title.empty() ? target_name(found) : options.title;
  figure.y_title = y_title(wanted.curves);
  figure.scale = options.log      ? plots::Scale::kLog
                 : options.linear ? plots::Scale::kLinear
                                  : plots::Scale::kAuto;
  figure.notes = descriptions(context.api(), example, wanted.curves);
  shorten_names(wanted.curves);
  const int points = options.points.value_or(
      options.svg.empty() ? kPointsPerColumn * terminal_options(context, options).columns : kSvgPoints);
  add_curves(context.api(), subjects, wanted.curves, {options.from, options.to, points}, figure);
  if (options.phases)
    add_phases(context, found.has_run() ? found.run().name() : found.experiment().name(), wanted.curves,
               figure);
  try {
    show(context, options, figure);
  } catch (const Error& error) {
    if (error.code() != Code::kInvalidArgument || !error.field().empty() || !options.log) throw;
    throw invalid("--log", error.what());
  }
}

void plot_matrix(Context& context, const PlotOptions& options, const v1::LookupResponse& found) {
  if (options.keys.size() > 1)
    throw invalid("KEY", "--matrix shows one; give one key, as elasticity/kl@small");
  v1::GetInfluenceRequest request;
  request.set_parent(found.has_run() ? found.run().name() : found.experiment().name());
  if (!options.keys.empty()) {
    const std::string& key = options.keys.front();
    constexpr std::string_view kPrefix = "elasticity/";
    if (!key.starts_with(kPrefix) || stored_key(key) != key)
      throw invalid("KEY",
                    "'" + key + "' is not the key of a matrix, as elasticity/kl or elasticity/kl@small");
    const auto at = std::min(key.find('@'), key.size());
    request.set_measure(key.substr(kPrefix.size(), at - kPrefix.size()));
    if (at < key.size()) request.set_update(key.substr(at + 1));
  }
  if (options.step) request.set_step(*options.step);
  if (options.from) request.set_from_step(*options.from);
  if (options.to) request.set_to_step(*options.to);
  plots::HeatMap map = heat_map_of(context.api().get_influence(request));
  map.title = options.title.empty() ? target_name(found) + " " + map.title : options.title;
  show(context, options, map);
}

void plot(Context& context, const PlotOptions& options) {
  if (options.step && !options.matrix)
    throw invalid("--step", "goes with --matrix; curves take --from and --to");
  // What a wrong size would say after the questions.
  options.svg.empty() ? void(terminal_options(context, options)) : void(svg_options(options));
  const v1::LookupResponse found = context.api().lookup(options.target);
  options.matrix ? plot_matrix(context, options, found) : plot_curves(context, options, found);
}

void add_looks(CLI::App& command, PlotOptions& options, CLI::Option& matrix) {
  command.add_option("--svg", options.svg, "Write a vector graphic, for a paper; - for standard output")
      ->type_name("FILE");
  CLI::Option* log = command.add_flag("--log", options.log, "Values on a log scale")->excludes(&matrix);
  command
      .add_flag("--linear", options.linear,
                "Values on a linear scale; default: log where all are positive and span 1 to 1000")
      ->excludes(log)
      ->excludes(&matrix);
  command
      .add_option("--width", options.width,
                  "In characters, of an SVG in pixels; default: the terminal's, 640")
      ->type_name("N");
  command
      .add_option("--height", options.height,
                  "In lines, of an SVG's axes in pixels; default: the terminal's, 400")
      ->type_name("N");
  command.add_option("--title", options.title, "In place of the name")->type_name("TEXT");
}

}  // namespace

void add_plot(CLI::App& app, Context& context) {
  auto options = std::make_shared<PlotOptions>();
  CLI::App* command = add_command<PlotOptions>(
      app, "plot", "Curves of series in the terminal, or as a vector graphic",
      "  hooke plot k3f9 train/loss test/loss\n"
      "  hooke plot fashion-mnist test/accuracy                    mean over its runs, band of ± sd\n"
      "  hooke plot k3f9 elasticity/kl@small                       every entry of the matrix\n"
      "  hooke plot k3f9 'elasticity/kl[ship,plane]' --log         one: responding, updated\n"
      "  hooke plot k3f9 elasticity/kl.dominance --phases          with the fitted curve and transitions\n"
      "  hooke plot fashion-mnist elasticity/kl.dominance --phases --svg dominance.svg\n"
      "  hooke plot k3f9 elasticity/loss --matrix --step 180       which class influences which\n"
      "\n"
      "The band is ± one standard deviation: over the pairs of a cell for a run, over runs for an\n"
      "experiment. Values that are not finite are gaps, and counted. Colours: unless NO_COLOR is set.",
      options, [&](const PlotOptions& given) { plot(context, given); });
  command->add_option("TARGET", options->target, "A run, or an experiment: mean over its runs")
      ->required()
      ->option_text("RUN|EXPERIMENT");
  command
      ->add_option(
          "KEY", options->keys,
          "As `hooke series list` shows them, or derived; a matrix stands for its entries. Default: what "
          "the first measure shows")
      ->option_text("KEY…");
  CLI::Option* matrix =
      command->add_flag("--matrix", options->matrix, "The class-by-class matrix at one step as a heat map");
  CLI::Option* step =
      command->add_option("--step", options->step, "Of the matrix; default: the last that all runs have")
          ->type_name("STEP");
  command->add_option("--from", options->from, "First step")->type_name("STEP")->excludes(step);
  command->add_option("--to", options->to, "Last step, included")->type_name("STEP")->excludes(step);
  command
      ->add_option("--points", options->points,
                   "About this many of each curve, extremes included; default: what the width shows")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 30))
      ->excludes(matrix);
  command
      ->add_flag("--phases", options->phases,
                 "When training changes phase: elastic stretches, transitions with intervals, the fit")
      ->excludes(matrix);
  add_looks(*command, *options, *matrix);
}

}  // namespace hooke::cli
