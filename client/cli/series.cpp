// hooke series list | get
#include <optional>
#include <ostream>

#include "client/cli/commands.h"
#include "client/cli/resources.h"

namespace hooke::cli {
namespace {

// What a plot or a look needs; --full gives all.
constexpr int kDefaultPoints = 1000;

struct ListOptions {
  std::string run;
  Format format = Format::kTable;
};

struct GetOptions {
  std::string run;
  std::string key;
  std::optional<std::int64_t> from;
  std::optional<std::int64_t> to;
  int points = kDefaultPoints;
  bool full = false;
  Format format = Format::kTable;
};

void list(Context& context, const ListOptions& options) {
  const v1::Run run = resolve_run(context.api(), options.run);
  const auto series = context.api().list_series(run.name());
  if (options.format == Format::kJson) return print_json_list(context.out, series);
  const bool csv = options.format == Format::kCsv;
  Grid grid{{"series", "kind", "points", "first", "last", "value"}, {}};
  for (const v1::SeriesInfo& one : series) {
    const bool matrix = one.kind() == v1::SERIES_KIND_MATRIX;
    const std::string classes = std::to_string(one.class_names_size());
    std::string value = csv ? "" : classes + " x " + classes;
    if (!matrix) value = csv ? number(one.last_value()) : brief(one.last_value());
    grid.rows.push_back({one.key(), matrix ? "matrix" : "scalar", std::to_string(one.count()),
                         std::to_string(one.first_step()), std::to_string(one.last_step()), value});
  }
  if (csv) return print_csv(context.out, grid);
  print_table(context.out, grid);
  if (series.empty()) context.note(run.run_id() + " has no series yet");
}

void get(Context& context, const GetOptions& options) {
  v1::GetSeriesRequest request;
  request.set_run(resolve_run(context.api(), options.run).name());
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
    const bool spread = !csv && column.sd_size() == column.step_size() && column.sd_size() > 0;
    if (spread) grid.header.push_back("sd");
    for (int i = 0; i < column.step_size(); ++i) {
      grid.rows.push_back({std::to_string(column.step(i)), number(column.value(i))});
      if (spread) grid.rows.back().push_back(brief(column.sd(i)));
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
  auto listing = std::make_shared<ListOptions>();
  CLI::App* command =
      add_command<ListOptions>(*group, "list", "What was measured", "  hooke series list k3f9", listing,
                               [&](const ListOptions& options) { list(context, options); });
  command->add_option("RUN", listing->run, "Id of a run, or the beginning of it")->required();
  add_format(*command, listing->format);

  auto getting = std::make_shared<GetOptions>();
  command = add_command<GetOptions>(
      *group, "get", "Values of a series, of a matrix entry or of a derived quantity",
      "  hooke series get k3f9 train/loss -o csv --full > loss.csv\n"
      "  hooke series get k3f9 'elasticity/kl[bag,T-shirt]'      responding, updated\n"
      "  hooke series get k3f9 elasticity/kl@small.dominance --from 100 --to 200",
      getting, [&](const GetOptions& options) { get(context, options); });
  command->add_option("RUN", getting->run, "Id of a run, or the beginning of it")->required();
  command->add_option("KEY", getting->key, "As `hooke series list` shows it, or derived")->required();
  command->add_option("--from", getting->from, "First step")->type_name("STEP");
  command->add_option("--to", getting->to, "Last step, included")->type_name("STEP");
  CLI::Option* points =
      command
          ->add_option("--points", getting->points, "About this many real stored points, extremes included")
          ->type_name("N")
          ->check(CLI::Range(1, 1 << 30))
          ->capture_default_str();
  command->add_flag("--full", getting->full, "Every stored point")->excludes(points);
  add_format(*command, getting->format);
}

}  // namespace hooke::cli
