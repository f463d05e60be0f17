// hooke influence
#include <algorithm>
#include <charconv>
#include <optional>
#include <ostream>

#include "client/cli/commands.h"
#include "client/cli/difference.h"
#include "client/cli/matrix.h"
#include "client/cli/resources.h"
#include "client/cli/sizes.h"
#include "proto/hooke/error.h"

namespace hooke::cli {
namespace {

// With more classes than this the strongest cells are printed instead of a sentence for each.
constexpr int kMaxSentences = 4;
constexpr int kStrongest = 5;
constexpr int kRanked = 10;  // by --rank without a number

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
  std::optional<std::string> rank;  // a number; CLI11's "true" without one
  v1::InfluenceSide against;        // its parent: as typed
  std::optional<std::int64_t> against_step, against_from, against_to;
  std::optional<int> against_phase;
  std::optional<std::string> against_update;
  std::optional<double> alpha;
  std::optional<int> permutations;
  bool pair_seeds = false;
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

// The strongest cells of two classes, at most `count`.
Grid ranking(const v1::GetInfluenceResponse& influence, int count, bool csv) {
  Grid grid{{"rank", "responding", "updated", csv ? "mean" : influence.shown(), "low", "high"}, {}};
  const int classes = influence.class_names_size();
  const auto text = [&](bool has, double value) {
    return !has ? std::string() : csv ? number(value) : figure(value);
  };
  for (int i = 0; i < std::min(count, influence.ranking_size()); ++i) {
    const int at = influence.ranking(i);
    const v1::InfluenceCell& cell = influence.cells(at);
    grid.rows.push_back({std::to_string(i + 1), influence.class_names(at / classes),
                         influence.class_names(at % classes),
                         text(true, shown_value(influence, at / classes, at % classes)),
                         text(cell.has_low(), cell.low()), text(cell.has_high(), cell.high())});
  }
  return grid;
}

void print_ranking(std::ostream& out, const v1::GetInfluenceResponse& influence, int count) {
  const int classes = influence.class_names_size();
  const int between = classes * (classes - 1);
  out << "strongest between classes"
      << (influence.is_signed() ? ", by size: positive helps, negative hurts" : "") << '\n';
  print_table(out, ranking(influence, count, /*csv=*/false));
  if (influence.ranking_size() < between)
    out << plural(between - influence.ranking_size(), "cell") << " of two classes left out: not finite\n";
}

int rank_count(const std::string& text) {
  int count = 0;
  if (text.empty() || text == "true") return kRanked;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), count);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || count < 1)
    throw invalid("--rank", "'" + text + "' is not allowed; a number from 1");
  return count;
}

void ranked(Context& context, v1::GetInfluenceResponse answer, const InfluenceOptions& options) {
  const int count = rank_count(*options.rank);
  if (options.format == Format::kCsv) return print_csv(context.out, ranking(answer, count, /*csv=*/true));
  if (options.format == Format::kJson) {
    answer.mutable_ranking()->Truncate(std::min(count, answer.ranking_size()));
    return print_json(context.out, answer);
  }
  for (const std::string& line : caption(answer)) context.out << line << '\n';
  context.out << '\n';
  print_ranking(context.out, answer, count);
}

bool is_comparison(const InfluenceOptions& options) {
  return !options.against.parent().empty() || options.against_step || options.against_from ||
         options.against_to || options.against_phase || options.against_update;
}

void difference(Context& context, const InfluenceOptions& options) {
  v1::GetInfluenceDifferenceRequest request;
  const v1::GetInfluenceRequest asked = to_request(context.api(), options);
  v1::InfluenceSide& side = *request.mutable_side();
  side.set_parent(asked.parent());
  side.set_measure(asked.measure());
  side.set_update(asked.update());
  if (asked.has_step()) side.set_step(asked.step());
  if (asked.has_from_step()) side.set_from_step(asked.from_step());
  if (asked.has_to_step()) side.set_to_step(asked.to_step());
  if (asked.has_phase()) side.set_phase(asked.phase());
  v1::InfluenceSide& against = *request.mutable_against();
  const std::string& other = options.against.parent();
  against.set_parent(other.empty() ? asked.parent() : resolve(context.api(), other));
  against.set_update(options.against_update.value_or(asked.update()));
  if (options.against_step) against.set_step(*options.against_step);
  if (options.against_from) against.set_from_step(*options.against_from);
  if (options.against_to) against.set_to_step(*options.against_to);
  if (options.against_phase) against.set_phase(*options.against_phase);
  if (options.alpha) request.set_alpha(*options.alpha);
  if (options.permutations) request.set_permutations(*options.permutations);
  request.set_pair_by_seed(options.pair_seeds);
  print_difference(context, request, options.format);
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
  if (is_comparison(options)) return difference(context, options);
  if (options.alpha || options.permutations || options.pair_seeds)
    throw invalid("--against", "is missing; --alpha, --permutations and --pair-seeds are of a comparison");
  const v1::GetInfluenceResponse answer = context.api().get_influence(to_request(context.api(), options));
  check_shape(answer);
  if (options.rank) return ranked(context, answer, options);
  if (options.format == Format::kJson) return print_json(context.out, answer);
  if (options.format == Format::kCsv) return print_csv(context.out, cells(answer));
  for (const std::string& line : caption(answer)) context.out << line << '\n';
  context.out << '\n';
  for (const std::string& line : matrix_lines(answer, context.terminal.colour)) context.out << line << '\n';
  context.out << "[ ] the updated class itself\n\n";
  print_summaries(context.out, answer);
  context.out << '\n';
  if (answer.class_names_size() > kMaxSentences) return print_ranking(context.out, answer, kStrongest);
  for (const std::string& sentence : sentences(answer)) context.out << sentence << '\n';
}

// Options of the other side of a comparison; none goes with `others`.
void add_against(CLI::App& command, InfluenceOptions& options, const std::vector<CLI::Option*>& others) {
  std::vector<CLI::Option*> all;
  const auto add = [&](const char* name, auto& to, const char* type, const char* description) {
    all.push_back(command.add_option(name, to, description)->type_name(type));
    return all.back();
  };
  all.push_back(command
                    .add_option_function<std::string>(
                        "--against", [&](const std::string& target) { options.against.set_parent(target); },
                        "Which entries differ from this one's, with p-values; default with the options "
                        "below: the same runs")
                    ->type_name("RUN|EXPERIMENT"));
  CLI::Option* step = add("--against-step", options.against_step, "STEP",
                          "The other side at this step; default: as the first side");
  CLI::Option* from =
      add("--against-from", options.against_from, "STEP", "The other side: mean from this step");
  CLI::Option* to = add("--against-to", options.against_to, "STEP", "The other side: mean up to this step");
  CLI::Option* phase = add("--against-phase", options.against_phase, "N",
                           "The other side: mean over this phase, the first being 1")
                           ->check(CLI::Range(1, 1 << 20));
  add("--against-update", options.against_update, "NAME", "The other side with this update");
  step->excludes(from)->excludes(to)->excludes(phase);
  phase->excludes(from)->excludes(to);
  for (CLI::Option* one : all)
    for (CLI::Option* other : others) one->excludes(other);
  command.add_option("--alpha", options.alpha, "Level of the tests after Holm's correction over all entries")
      ->type_name("P")
      ->check(CLI::Range(0.001, 0.5))
      ->default_str("0.05");
  command.add_option("--permutations", options.permutations, "Random arrangements where not all are tried")
      ->type_name("N")
      ->check(CLI::Range(99, 99'999))
      ->default_str("9999");
  command.add_flag("--pair-seeds", options.pair_seeds,
                   "Of two experiments with the same seeds: test the differences within seeds");
}

}  // namespace

void add_influence(CLI::App& app, Context& context) {
  auto options = std::make_shared<InfluenceOptions>();
  CLI::App* command = add_command<InfluenceOptions>(
      app, "influence", "Which class influences which: rows respond, columns were updated",
      "  hooke influence fashion-mnist                       every run, newest common measurement\n"
      "  hooke influence k3f9 --measure kl --update small --step 180\n"
      "  hooke influence k3f9 --phase 1 -o csv\n"
      "  hooke influence k3f9 --rank 20                      the strongest pairs of classes\n"
      "  hooke influence k3f9 --phase 2 --against-phase 1    which entries differ, with p-values\n"
      "  hooke influence wide --against narrow               two experiments, over their seeds\n"
      "  hooke influence k3f9 --sizes                        S from tiny updates up to the training rate",
      options, [&](const InfluenceOptions& given) { influence(context, given); });
  command->add_option("TARGET", options->target, "A run, or an experiment: mean over its runs")
      ->required()
      ->option_text("RUN|EXPERIMENT");
  command->add_option("--measure", options->measure, "What was measured, as kl; default: the run's first")
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
  CLI::Option* phase =
      command->add_option("--phase", options->phase, "Mean over this phase, the first being 1")
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
  CLI::Option* rank = command
                          ->add_option("--rank", options->rank,
                                       "Only the strongest entries of two classes; default: 10 of them")
                          ->type_name("[N]")
                          ->expected(0, 1);
  rank->excludes(over_sizes);
  add_against(*command, *options, {over_sizes, rank});
  add_format(*command, options->format);
}

}  // namespace hooke::cli
