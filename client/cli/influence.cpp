// hooke influence
#include <algorithm>
#include <optional>
#include <ostream>

#include "client/cli/commands.h"
#include "client/cli/matrix.h"
#include "client/cli/resources.h"
#include "client/cli/sizes.h"

namespace hooke::cli {
namespace {

// With more classes than this, only the first sentences are printed.
constexpr std::size_t kMaxSentences = 4;

struct InfluenceOptions {
  std::string target;
  std::string measure;
  std::string update;
  std::optional<std::int64_t> step;
  std::optional<std::int64_t> from;
  std::optional<std::int64_t> to;
  std::optional<int> phase;
  std::optional<double> level;
  bool sizes = false;
  Format format = Format::kTable;
};

v1::GetInfluenceRequest to_request(Api& api, const InfluenceOptions& options) {
  v1::GetInfluenceRequest request;
  request.set_parent(resolve(api, options.target));
  request.set_measure(options.measure);
  request.set_update(options.update);
  if (options.step) request.set_step(*options.step);
  if (options.from) request.set_from_step(*options.from);
  if (options.to) request.set_to_step(*options.to);
  if (options.phase) request.set_phase(*options.phase);
  if (options.level) request.set_level(*options.level);
  return request;
}

Grid cells(const v1::GetInfluenceResponse& influence) {
  Grid grid{{"responding", "updated", "mean", "sd", "count", "skipped", "ratio_of_means", "nonfinite"}, {}};
  const int classes = influence.class_names_size();
  for (int i = 0; i < influence.cells_size(); ++i) {
    const v1::InfluenceCell& cell = influence.cells(i);
    grid.rows.push_back({influence.class_names(i / classes), influence.class_names(i % classes),
                         number(cell.mean()), number(cell.sd()), std::to_string(cell.count()),
                         std::to_string(cell.skipped()), number(cell.ratio_of_means()),
                         std::to_string(cell.nonfinite())});
  }
  return grid;
}

void print_summaries(std::ostream& out, const v1::GetInfluenceResponse& influence) {
  Grid facts{{"field", "value"}, {}};
  facts.rows.push_back(
      {"dominance", estimate_text(influence.dominance()) + "   own class minus the others, mean"});
  std::vector<std::string> selectivity;
  for (int i = 0; i < std::min(influence.selectivity_size(), influence.class_names_size()); ++i)
    selectivity.push_back(influence.class_names(i) + " " + estimate_text(influence.selectivity(i)));
  std::string list;
  for (const std::string& one : selectivity) list += (list.empty() ? "" : ", ") + one;
  facts.rows.push_back({"selectivity", list + "   own class over its column's mean"});
  facts.rows.push_back({"asymmetry", estimate_text(influence.asymmetry()) + "   0: symmetric"});
  for (const auto& row : facts.rows) out << pad_right(row[0], width("selectivity")) << "  " << row[1] << '\n';
}

void sizes(Context& context, const InfluenceOptions& options) {
  v1::GetUpdateSizesRequest request;
  request.set_parent(resolve(context.api(), options.target));
  request.set_measure(options.measure);
  if (options.step) request.set_step(*options.step);
  print_sizes(context, request, options.format);
}

void influence(Context& context, const InfluenceOptions& options) {
  if (options.sizes) return sizes(context, options);
  const v1::GetInfluenceResponse answer = context.api().get_influence(to_request(context.api(), options));
  check_shape(answer);
  if (options.format == Format::kJson) return print_json(context.out, answer);
  if (options.format == Format::kCsv) return print_csv(context.out, cells(answer));
  for (const std::string& line : caption(answer)) context.out << line << '\n';
  context.out << '\n';
  for (const std::string& line : matrix_lines(answer, context.terminal.colour)) context.out << line << '\n';
  context.out << "[ ] the updated class itself\n\n";
  print_summaries(context.out, answer);
  context.out << '\n';
  auto told = sentences(answer);
  if (told.size() > kMaxSentences) told.resize(kMaxSentences);
  for (const std::string& sentence : told) context.out << sentence << '\n';
}

}  // namespace

void add_influence(CLI::App& app, Context& context) {
  auto options = std::make_shared<InfluenceOptions>();
  CLI::App* command = add_command<InfluenceOptions>(
      app, "influence", "Which class influences which: rows respond, columns were updated",
      "  hooke influence fashion-mnist                       every run, newest common measurement\n"
      "  hooke influence k3f9 --measure kl --update small --step 180\n"
      "  hooke influence k3f9 --phase 1 -o csv\n"
      "  hooke influence k3f9 --sizes                        S from tiny updates up to the training rate",
      options, [&](const InfluenceOptions& given) { influence(context, given); });
  command->add_option("TARGET", options->target, "A run, or an experiment: mean over its runs")
      ->required()
      ->option_text("RUN|EXPERIMENT");
  command->add_option("--measure", options->measure, "As `kl`; default: the run's first")
      ->type_name("MEASURE");
  CLI::Option* update =
      command->add_option("--update", options->update, "Name of the update; default: the first")
          ->type_name("NAME");
  CLI::Option* step =
      command->add_option("--step", options->step, "At this step; default: the last that all runs have")
          ->type_name("STEP");
  CLI::Option* from =
      command->add_option("--from", options->from, "Mean over the measurements from this step")
          ->type_name("STEP");
  CLI::Option* to = command->add_option("--to", options->to, "Mean over the measurements up to this step")
                        ->type_name("STEP");
  CLI::Option* phase = command->add_option("--phase", options->phase, "Mean over this phase, from 1")
                           ->type_name("N")
                           ->check(CLI::Range(1, 1 << 20));
  command
      ->add_option(
          "--level", options->level,
          "Of the intervals: over seeds, or over probes where a run kept its pairs (probes.keep_pairs)")
      ->type_name("P")
      ->check(CLI::Range(0.5, 0.999))
      ->default_str("0.95");
  CLI::Option* over_sizes = command->add_flag(
      "--sizes", options->sizes,
      "S over the learning rates of the first update, with the limit of small ones (probes.size_steps)");
  over_sizes->excludes(update)->excludes(from)->excludes(to)->excludes(phase);
  step->excludes(from)->excludes(to)->excludes(phase);
  phase->excludes(from)->excludes(to);
  add_format(*command, options->format);
}

}  // namespace hooke::cli
