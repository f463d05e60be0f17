// hooke compare
#include <ostream>

#include "client/cli/commands.h"
#include "client/cli/resources.h"

namespace hooke::cli {
namespace {

// Enough to see how curves run; --full gives all.
constexpr int kDefaultPoints = 200;

struct CompareOptions {
  std::vector<std::string> runs;
  std::vector<std::string> series;
  int points = kDefaultPoints;
  bool full = false;
  Format format = Format::kTable;
};

std::vector<std::string> header_of(const std::string& first, const v1::CompareRunsResponse& compared) {
  std::vector<std::string> header{first};
  for (const std::string& run : compared.runs()) header.push_back(id_of(run));
  return header;
}

Grid parameters(const v1::CompareRunsResponse& compared) {
  Grid grid{header_of("parameter", compared), {}};
  for (const v1::ParameterRow& row : compared.parameters()) {
    auto& cells = grid.rows.emplace_back(1, row.field());
    cells.insert(cells.end(), row.values().begin(), row.values().end());
  }
  return grid;
}

Grid latest_values(const v1::CompareRunsResponse& compared, bool for_people) {
  Grid grid{header_of("latest", compared), {}};
  for (const v1::LatestRow& row : compared.latest()) {
    auto& cells = grid.rows.emplace_back(1, row.key());
    for (const v1::LatestCell& cell : row.cells())
      cells.push_back(!cell.has_value() ? "" : for_people ? brief(cell.value()) : number(cell.value()));
  }
  return grid;
}

// Rows of every step that any run has, with the runs' values there.
Grid aligned(const v1::AlignedSeries& series, const v1::CompareRunsResponse& compared) {
  Grid grid{header_of("step", compared), {}};
  std::vector<int> next(static_cast<std::size_t>(series.columns_size()));
  for (const std::int64_t step : series.step()) {
    auto& cells = grid.rows.emplace_back(1, std::to_string(step));
    for (int i = 0; i < series.columns_size(); ++i) {
      const v1::SeriesColumn& column = series.columns(i);
      int& at = next[static_cast<std::size_t>(i)];
      const bool there = at < column.step_size() && at < column.value_size() && column.step(at) == step;
      cells.push_back(there ? number(column.value(at++)) : "");
    }
  }
  return grid;
}

// CSV of several series has their key as its first column.
void print_series_csv(std::ostream& out, const v1::CompareRunsResponse& compared) {
  if (compared.series_size() == 1) return print_csv(out, aligned(compared.series(0), compared));
  Grid all;
  for (const v1::AlignedSeries& series : compared.series()) {
    Grid one = aligned(series, compared);
    all.header = std::move(one.header);
    for (auto& row : one.rows) {
      row.insert(row.begin(), series.key());
      all.rows.push_back(std::move(row));
    }
  }
  all.header.insert(all.header.begin(), "series");
  print_csv(out, all);
}

void print_csv_of(std::ostream& out, const v1::CompareRunsResponse& compared) {
  if (compared.series_size() > 0) return print_series_csv(out, compared);
  Grid all{header_of("field", compared), {}};
  for (auto& row : parameters(compared).rows) {
    row[0] = "config." + row[0];
    all.rows.push_back(std::move(row));
  }
  for (auto& row : latest_values(compared, false).rows) {
    row[0] = "latest." + row[0];
    all.rows.push_back(std::move(row));
  }
  print_csv(out, all);
}

void note_gaps(Context& context, const v1::AlignedSeries& series, const v1::CompareRunsResponse& compared) {
  bool thinned = false;
  for (int i = 0; i < series.columns_size(); ++i) {
    const v1::SeriesColumn& column = series.columns(i);
    thinned = thinned || column.step_size() < column.count();
    if (column.count() == 0) context.note(id_of(compared.runs(i)) + " has no " + series.key());
  }
  if (thinned)
    context.note(series.key() + ": about the points that each run's curve needs; --full gives all");
}

void compare(Context& context, const CompareOptions& options) {
  v1::CompareRunsRequest request;
  for (const v1::Run& run : resolve_runs(context.api(), options.runs)) request.add_runs(run.name());
  for (const std::string& key : options.series) request.add_keys(key);
  request.set_points(options.full ? 0 : options.points);
  const v1::CompareRunsResponse compared = context.api().compare_runs(request);
  if (options.format == Format::kJson) {
    print_json(context.out, compared);
  } else if (options.format == Format::kCsv) {
    print_csv_of(context.out, compared);
  } else {
    print_table(context.out, parameters(compared));
    if (compared.parameters().empty()) context.out << "the same configuration\n";
    if (compared.latest_size() > 0) context.out << '\n';
    print_table(context.out, latest_values(compared, true));
    for (const v1::AlignedSeries& series : compared.series()) {
      context.out << '\n' << series.key() << '\n';
      print_table(context.out, aligned(series, compared));
    }
  }
  if (compared.latest_omitted() > 0)
    context.note(plural(compared.latest_omitted(), "more latest value") +
                 " not shown; `hooke series list RUN` has all");
  for (const v1::AlignedSeries& series : compared.series()) note_gaps(context, series, compared);
}

}  // namespace

void add_compare(CLI::App& app, Context& context) {
  auto options = std::make_shared<CompareOptions>();
  CLI::App* command = add_command<CompareOptions>(
      app, "compare", "Two to eight runs side by side: parameters that differ, latest values, curves",
      "  hooke compare k3f9 p2c7\n"
      "  hooke compare fashion-mnist                               every run of an experiment\n"
      "  hooke compare k3f9 p2c7 --series train/loss -o csv --full\n"
      "  hooke compare k3f9 p2c7 --series elasticity/kl.dominance",
      options, [&](const CompareOptions& given) { compare(context, given); });
  command->add_option("RUN", options->runs, "Ids of runs, the beginnings of them, or experiments")
      ->required()
      ->option_text("RUN|EXPERIMENT");
  add_repeated(*command, "--series", options->series, "KEY", "A series whose values to align by step");
  CLI::Option* points = command
                            ->add_option("--points", options->points,
                                         "About this many real stored points of each run, extremes included")
                            ->type_name("N")
                            ->check(CLI::Range(1, 1 << 30))
                            ->capture_default_str();
  command->add_flag("--full", options->full, "Every stored point")->excludes(points);
  add_format(*command, options->format);
}

}  // namespace hooke::cli
