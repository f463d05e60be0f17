// hooke runs list | show | cancel
#include <ostream>

#include "client/cli/commands.h"
#include "client/cli/resources.h"
#include "client/cli/text.h"

namespace hooke::cli {
namespace {

struct ListOptions {
  std::string experiment;
  std::string filter;
  Format format = Format::kTable;
};

struct ShowOptions {
  std::string run;
  Format format = Format::kTable;
};

struct CancelOptions {
  std::vector<std::string> runs;
};

void list(Context& context, const ListOptions& options) {
  const std::string parent =
      options.experiment.empty() ? "experiments/-" : resolve_experiment(context.api(), options.experiment);
  const auto runs = context.api().list_runs(parent, options.filter);
  print_runs(context.out, runs, options.format);
  if (runs.empty() && options.format == Format::kTable) context.note("no runs; `hooke submit` makes some");
}

Grid facts(const v1::Run& run) {
  Grid grid{{"field", "value"}, {}};
  const auto add = [&](const std::string& field, const std::string& value) {
    if (!value.empty()) grid.rows.push_back({field, value});
  };
  add("run", run.run_id());
  add("experiment", experiment_of(run.name()));
  add("state", state_name(run.state()));
  add("reason", run.reason().message());
  add("step", run.step() < 0 ? "none yet" : std::to_string(run.step()));
  add("steps", run.total_steps() > 0 ? std::to_string(run.total_steps()) : "");
  add("seed", std::to_string(run.seed()));
  for (const auto& [field, value] : std::map(run.sweep().begin(), run.sweep().end()))
    add("sweep " + field, value);
  for (const auto& [key, value] : std::map(run.tags().begin(), run.tags().end())) add("tag " + key, value);
  add("note", run.note());
  add("submitted", local_time(run.create_time()) + (run.submitter().empty() ? "" : " by " + run.submitter()));
  add("started", run.has_start_time() ? local_time(run.start_time()) : "");
  add("ended", run.has_end_time() ? local_time(run.end_time()) : "");
  add("worker", run.worker());
  add("attempt", run.attempt() > 0 ? std::to_string(run.attempt()) : "");
  for (const v1::LatestValue& value : run.latest())
    add(value.key(), brief(value.value()) + " at step " + std::to_string(value.step()));
  const v1::Provenance& made = run.provenance();
  add("device", made.device());
  add("trainer", made.hooke_version().empty() ? "" : made.hooke_version() + " (" + made.git_commit() + ")");
  add("libtorch", made.libtorch_version());
  add("parameters", made.parameters() > 0 ? std::to_string(made.parameters()) : "");
  add("configuration", run.config_hash());
  return grid;
}

void show(Context& context, const ShowOptions& options) {
  const v1::Run run = context.api().get_run(resolve_run(context.api(), options.run).name());
  if (options.format == Format::kJson) return print_json(context.out, run);
  if (options.format == Format::kCsv) return print_csv(context.out, facts(run));
  print_facts(context.out, facts(run));
  for (const v1::StateChange& change : run.history()) {
    context.out << "  " << local_time(change.time()) << "  " << state_name(change.state());
    if (change.attempt() > 0) context.out << ", attempt " << change.attempt();
    if (!change.worker().empty()) context.out << " on " << change.worker();
    if (!change.reason().message().empty()) context.out << ": " << change.reason().message();
    context.out << '\n';
  }
  if (run.log_tail().empty() || run.state() != v1::RUN_STATE_FAILED) return;
  context.out << "last lines of the log:\n";
  for (const std::string& line : run.log_tail()) context.out << "  " << line << '\n';
}

void cancel(Context& context, const CancelOptions& options) {
  // Every reference is looked up first: a wrong one cancels nothing.
  std::vector<v1::Run> runs;
  for (const std::string& reference : options.runs) runs.push_back(resolve_run(context.api(), reference));
  for (const v1::Run& run : runs) context.note(end_of(context.api().cancel_run(run.name())));
}

}  // namespace

void add_runs(CLI::App& app, Context& context) {
  CLI::App* group = add_group(app, "runs", "Runs: list, show, cancel",
                              "  hooke runs list\n"
                              "  hooke runs show k3f9");

  auto listing = std::make_shared<ListOptions>();
  CLI::App* command =
      add_command<ListOptions>(*group, "list", "Runs, of the newest experiment first",
                               "  hooke runs list\n"
                               "  hooke runs list --experiment fashion-mnist -o csv",
                               listing, [&](const ListOptions& options) { list(context, options); });
  command->add_option("--experiment", listing->experiment, "Only the runs of this experiment")
      ->type_name("EXPERIMENT");
  command->add_option("--filter", listing->filter, "Only runs that match, as 'state = FAILED'")
      ->type_name("FILTER");
  add_format(*command, listing->format);

  auto showing = std::make_shared<ShowOptions>();
  command = add_command<ShowOptions>(*group, "show", "Everything about one run",
                                     "  hooke runs show k3f9\n"
                                     "  hooke runs show k3f9 -o json",
                                     showing, [&](const ShowOptions& options) { show(context, options); });
  command->add_option("RUN", showing->run, "Id of a run, or the beginning of it")->required();
  add_format(*command, showing->format);

  auto cancelling = std::make_shared<CancelOptions>();
  command =
      add_command<CancelOptions>(*group, "cancel", "Cancel queued and running runs",
                                 "  hooke runs cancel k3f9\n"
                                 "  hooke runs cancel k3f9 p2c7",
                                 cancelling, [&](const CancelOptions& options) { cancel(context, options); });
  command->add_option("RUN", cancelling->runs, "Ids of runs, or the beginnings of them")->required();
}

}  // namespace hooke::cli
