// hooke series list | get
#include <optional>
#include <ostream>

#include "client/cli/commands.h"
#include "client/cli/pairs.h"
#include "client/cli/resources.h"

namespace hooke::cli {
namespace {

// What a plot or a look needs; --full gives all.
constexpr int kDefaultPoints = 1000;

struct SeriesListOptions {
  std::string run;
  std::string prefix;
  Format format = Format::kTable;
};

struct GetOptions {
  std::string run;
  std::string key;
  std::optional<std::int64_t> step;
  std::optional<std::int64_t> from;
  std::optional<std::int64_t> to;
  int points = kDefaultPoints;
  bool full = false;
  std::string seeds;  // "mean", or each run's own
  Format format = Format::kTable;
};

// Kind, and the newest value of a scalar or the shape of the others.
std::pair<std::string, std::string> kind_and_value(const v1::SeriesInfo& series, bool csv) {
  const auto square = [&](int size) {
    return csv ? "" : std::to_string(size) + " x " + std::to_string(size);
  };
  switch (series.kind()) {
    case v1::SERIES_KIND_MATRIX:
      return {"matrix", square(series.class_names_size())};
    case v1::SERIES_KIND_PAIRS:
      return {"pairs", square(series.class_names_size() * series.per_class())};
    default:
      return {"scalar", csv ? number(series.last_value()) : brief(series.last_value())};
  }
}

void list_series(Context& context, const SeriesListOptions& options) {
  const v1::Run run = resolve_run(context.api(), options.run);
  const auto series = context.api().list_series(run.name(), options.prefix);
  if (options.format == Format::kJson) return print_json_list(context.out, series);
  const bool csv = options.format == Format::kCsv;
  Grid grid{{"series", "kind", "points", "first", "last", "value"}, {}};
  for (const v1::SeriesInfo& one : series) {
    const auto [kind, value] = kind_and_value(one, csv);
    grid.rows.push_back({one.key(), kind, std::to_string(one.count()), std::to_string(one.first_step()),
                         std::to_string(one.last_step()), value});
  }
  if (csv) return print_csv(context.out, grid);
  print_table(context.out, grid);
  if (!series.empty()) return;
  context.note(run.run_id() + " has no series " +
               (options.prefix.empty() ? "yet" : "whose key begins with " + options.prefix));
}

// Whether the key is a table of pairs of the run, and not a series that happens to be called so.
bool is_pairs(Context& context, const std::string& run, const std::string& key) {
  if (!is_pairs_key(key)) return false;
  for (const v1::SeriesInfo& one : context.api().list_series(run))
    if (one.key() == key) return one.kind() == v1::SERIES_KIND_PAIRS;
  return true;  // the server says what there is
}

void get(Context& context, const GetOptions& options) {
  const bool mean = !options.seeds.empty();
  const std::string run =
      mean ? resolve_experiment(context.api(), options.run) : resolve_run(context.api(), options.run).name();
  if (!mean && is_pairs(context, run, options.key)) {
    if (options.from || options.to)
      throw invalid(options.from ? "--from" : "--to", "a table of pairs is of one step; --step");
    return print_pairs(context, run, options.key, options.step, options.format);
  }
  v1::GetSeriesRequest request;
  request.set_run(run);
  if (options.step) {
    request.set_from_step(*options.step);
    request.set_to_step(*options.step);
  }
  request.add_keys(options.key);
  if (options.from) request.set_from_step(*options.from);
  if (options.to) request.set_to_step(*options.to);
  request.set_points(options.full ? 0 : options.points);
  const v1::GetSeriesResponse response = context.api().get_series(request);
  if (response.columns_size() != 1)
    throw Error(Code::kInternal,
                "the server answered " + plural(response.columns_size(), "series") + ", not one");
  const v1::SeriesColumn& column = response.columns(0);
  if (column.value_size() != column.step_size())
    throw Error(Code::kInternal, "the server answered steps and values of different numbers");
  if (options.format == Format::kJson) {
    print_json(context.out, response);
  } else {
    const bool csv = options.format == Format::kCsv;
    Grid grid{{"step", "value"}, {}};
    // A run's CSV is step,value whatever the series; of means it says what they are.
    const bool spread = (mean || !csv) && column.sd_size() == column.step_size() && column.sd_size() > 0;
    if (spread) grid.header.push_back("sd");
    const bool counted = column.runs_size() == column.step_size() && column.runs_size() > 0;
    if (counted) grid.header.push_back("runs");
    for (int i = 0; i < column.step_size(); ++i) {
      grid.rows.push_back({std::to_string(column.step(i)), number(column.value(i))});
      if (spread) grid.rows.back().push_back(csv ? number(column.sd(i)) : brief(column.sd(i)));
      if (counted) grid.rows.back().push_back(std::to_string(column.runs(i)));
    }
    csv ? print_csv(context.out, grid) : print_table(context.out, grid);
  }
  if (column.step_size() < column.count())
    context.note(plural(column.step_size(), "point") + " of " + std::to_string(column.count()) +
                 ", extremes included; --full gives all");
  else if (column.step_size() == 0)
    context.note(options.key + " has no points there");
}

}  // namespace

void add_series(CLI::App& app, Context& context) {
  CLI::App* group = add_group(app, "series", "Measured series of a run: list, get",
                              "  hooke series list k3f9\n"
                              "  hooke series get k3f9 train/loss -o csv");
  auto listing = std::make_shared<SeriesListOptions>();
  CLI::App* command = add_command<SeriesListOptions>(
      *group, "list", "What was measured",
      "  hooke series list k3f9\n"
      "  hooke series list k3f9 --prefix elasticity/",
      listing, [&](const SeriesListOptions& options) { list_series(context, options); });
  command->add_option("RUN", listing->run, "Id of a run, or the beginning of it")->required();
  command->add_option("--prefix", listing->prefix, "Only keys that begin with this")->type_name("TEXT");
  add_format(*command, listing->format);

  auto getting = std::make_shared<GetOptions>();
  command = add_command<GetOptions>(
      *group, "get", "Values of a series, of a matrix entry or of a derived quantity",
      "  hooke series get k3f9 train/loss -o csv --full > loss.csv\n"
      "  hooke series get k3f9 'elasticity/kl[bag,T-shirt]'      responding, updated\n"
      "  hooke series get k3f9 elasticity/kl@small.dominance --from 100 --to 200\n"
      "  hooke series get fashion-mnist test/accuracy --seeds mean     mean and sd over its runs\n"
      "  hooke series get k3f9 elasticity/kl.pairs --step 180 -o csv > pairs.csv    every pair of probes",
      getting, [&](const GetOptions& options) { get(context, options); });
  command->add_option("RUN", getting->run, "Id of a run, or the beginning of it; with --seeds an experiment")
      ->required()
      ->option_text("RUN|EXPERIMENT");
  command->add_option("KEY", getting->key, "As `hooke series list` shows it, or derived")->required();
  CLI::Option* step =
      command->add_option("--step", getting->step, "At this step; of pairs the default is the last")
          ->type_name("STEP");
  command->add_option("--from", getting->from, "First step")->type_name("STEP")->excludes(step);
  command->add_option("--to", getting->to, "Last step, included")->type_name("STEP")->excludes(step);
  CLI::Option* points =
      command
          ->add_option("--points", getting->points, "About this many real stored points, extremes included")
          ->type_name("N")
          ->check(CLI::Range(1, 1 << 30))
          ->capture_default_str();
  command->add_flag("--full", getting->full, "Every stored point")->excludes(points);
  command
      ->add_option("--seeds", getting->seeds,
                   "mean: over the runs of an experiment, with their standard deviation (n - 1)")
      ->check(CLI::IsMember({"mean"}))
      ->type_name("mean");
  add_format(*command, getting->format);
}

}  // namespace hooke::cli
