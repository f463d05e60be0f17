// hooke experiments list | show
#include "client/cli/commands.h"
#include "client/cli/edits.h"
#include "client/cli/resources.h"
#include "client/cli/text.h"

namespace hooke::cli {
namespace {

struct ExperimentListOptions {
  ListWanted wanted;
  Format format = Format::kTable;
};

struct ExperimentShowOptions {
  std::string experiment;
  Format format = Format::kTable;
};

std::string counts(const v1::Experiment& experiment) {
  std::vector<std::string> parts;
  for (const v1::StateCount& count : experiment.run_counts())
    parts.push_back(std::to_string(count.count()) + " " + state_name(count.state()));
  return enumerate(parts);
}

std::string tags(const v1::Experiment& experiment) {
  std::string text;
  for (const auto& [key, value] : std::map(experiment.tags().begin(), experiment.tags().end()))
    text += (text.empty() ? "" : " ") + key + "=" + value;
  return text;
}

void list_experiments(Context& context, const ExperimentListOptions& options) {
  const auto experiments = context.api().list_experiments(options.wanted);
  if (options.format == Format::kJson) return print_json_list(context.out, experiments);
  Grid grid{{"experiment", "submitted", "submitter", "runs", "states", "tags"}, {}};
  for (const v1::Experiment& experiment : experiments)
    grid.rows.push_back({id_of(experiment.name()), local_time(experiment.create_time()),
                         experiment.submitter(), std::to_string(experiment.run_count()), counts(experiment),
                         tags(experiment)});
  if (options.format == Format::kCsv) return print_csv(context.out, grid);
  print_table(context.out, grid);
  if (!experiments.empty()) return;
  context.note(options.wanted.filter.empty()
                   ? "no experiments; `hooke submit` makes one, --archived shows those put away"
                   : "no experiment matches");
}

void show_experiment(Context& context, const ExperimentShowOptions& options) {
  const v1::LookupResponse found = context.api().lookup(options.experiment);
  if (found.has_run()) throw invalid("", "'" + options.experiment + "' is a run; see `hooke runs show`");
  const v1::Experiment& experiment = found.experiment();
  if (options.format == Format::kJson) return print_json(context.out, experiment);
  Grid grid{{"field", "value"}, {}};
  const auto add = [&](const std::string& field, const std::string& value) {
    if (!value.empty()) grid.rows.push_back({field, value});
  };
  add("experiment", id_of(experiment.name()));
  add("submitted", local_time(experiment.create_time()));
  add("submitter", experiment.submitter());
  add("runs", std::to_string(experiment.run_count()));
  add("states", counts(experiment));
  add("tags", tags(experiment));
  add("note", experiment.note());
  add("archived", experiment.archived() ? "yes" : "");
  if (options.format == Format::kCsv) return print_csv(context.out, grid);
  print_facts(context.out, grid);
  print_runs(context.out, context.api().list_runs(experiment.name()), Format::kTable);
}

}  // namespace

void add_experiments(CLI::App& app, Context& context) {
  CLI::App* group = add_group(app, "experiments", "Experiments: list, show, tag, note, archive, delete",
                              "  hooke experiments list\n"
                              "  hooke experiments show fashion-mnist");
  auto listing = std::make_shared<ExperimentListOptions>();
  CLI::App* command = add_command<ExperimentListOptions>(
      *group, "list", "Experiments, the newest first",
      "  hooke experiments list\n"
      "  hooke experiments list -o json\n"
      "  hooke experiments list --filter 'state:RUNNING AND tags.kind = \"trial\"'\n"
      "  hooke experiments list --archived --order-by 'run_count desc'",
      listing, [&](const ExperimentListOptions& options) { list_experiments(context, options); });
  add_list_options(*command, listing->wanted, "experiments");
  add_format(*command, listing->format);

  auto showing = std::make_shared<ExperimentShowOptions>();
  command = add_command<ExperimentShowOptions>(
      *group, "show", "One experiment and its runs", "  hooke experiments show fashion-mnist", showing,
      [&](const ExperimentShowOptions& options) { show_experiment(context, options); });
  command->add_option("EXPERIMENT", showing->experiment, "Its name")->required();
  add_format(*command, showing->format);
  add_edits(*group, context, kind_of_experiments());
}

}  // namespace hooke::cli
