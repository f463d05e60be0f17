// hooke runs list | show | logs | cancel | retry | extend | launch
#include <ostream>

#include "client/cli/commands.h"
#include "client/cli/edits.h"
#include "client/cli/resources.h"
#include "client/cli/slurm.h"
#include "client/cli/text.h"
#include "proto/hooke/yaml_config.h"

namespace hooke::cli {
namespace {

struct RunListOptions {
  std::string experiment;
  ListWanted wanted;
  bool refresh = false;
  Format format = Format::kTable;
};

struct RunShowOptions {
  std::string run;
  Format format = Format::kTable;
};

struct LogsOptions {
  std::string run;
};

// Of cancel and retry.
struct ManyOptions {
  std::vector<std::string> runs;
};

struct RunLaunchOptions {
  std::vector<std::string> runs;
  SlurmOptions slurm;
};

struct ExtendOptions {
  std::string run;
  int epochs = 0;  // 0: twice as many
};

void list_runs(Context& context, const RunListOptions& options) {
  const std::string parent =
      options.experiment.empty() ? "experiments/-" : resolve_experiment(context.api(), options.experiment);
  auto runs = context.api().list_runs(parent, options.wanted);
  if (options.refresh) {
    refresh_slurm(context, runs);
    runs = context.api().list_runs(parent, options.wanted);
  }
  print_runs(context.out, runs, options.format);
  if (!runs.empty() || options.format != Format::kTable) return;
  context.note(options.wanted.filter.empty()
                   ? "no runs; `hooke submit` makes some, --archived shows those put away"
                   : "no run matches");
}

// "2, 4" of a run that was extended twice; its whole earlier configurations are in the JSON.
std::string epochs_before(const v1::Run& run) {
  std::string text;
  for (const std::string& config : run.config_history())
    text +=
        (text.empty() ? "" : ", ") + std::to_string(parse_config(config, run.run_id()).training().epochs());
  return text;
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
  add("archived", run.archived() ? "yes" : "");
  add("submitted", local_time(run.create_time()) + (run.submitter().empty() ? "" : " by " + run.submitter()));
  add("started", run.has_start_time() ? local_time(run.start_time()) : "");
  add("ended", run.has_end_time() ? local_time(run.end_time()) : "");
  add("worker", run.worker());
  add("attempt", run.attempt() > 0 ? std::to_string(run.attempt()) : "");
  add("executor", run.executor());
  add("slurm", slurm_text(run) + (run.slurm().nodes().empty() ? "" : " on " + run.slurm().nodes()));
  add("slurm cluster", run.slurm().cluster());
  add("slurm restarts", run.slurm().restart_count() > 0 ? std::to_string(run.slurm().restart_count()) : "");
  for (const v1::LatestValue& value : run.latest())
    add(value.key(), brief(value.value()) + " at step " + std::to_string(value.step()));
  const v1::Provenance& made = run.provenance();
  add("device", made.device());
  add("trainer", made.hooke_version().empty() ? "" : made.hooke_version() + " (" + made.git_commit() + ")");
  add("libtorch", made.libtorch_version());
  add("parameters", made.parameters() > 0 ? std::to_string(made.parameters()) : "");
  add("configuration", run.config_hash());
  add("epochs before", epochs_before(run));
  return grid;
}

void show_run(Context& context, const RunShowOptions& options) {
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

void logs(Context& context, const LogsOptions& options) {
  const v1::Run run = context.api().get_run(resolve_run(context.api(), options.run).name());
  for (const std::string& line : run.log_tail()) context.out << line << '\n';
  if (run.log_tail().empty())
    context.note("no log of " + run.run_id() + " yet; its last lines come when an attempt ends");
}

// Every reference is looked up first: a wrong one changes nothing.
std::vector<v1::Run> resolve_all(Context& context, const std::vector<std::string>& references) {
  std::vector<v1::Run> runs;
  for (const std::string& reference : references) runs.push_back(resolve_run(context.api(), reference));
  return runs;
}

// A run is cancelled here first, so that its task, when it is told to stop, does not give it back.
void cancel(Context& context, const ManyOptions& options) {
  std::vector<v1::Run> cancelled;
  for (const v1::Run& run : resolve_all(context, options.runs)) {
    cancelled.push_back(context.api().cancel_run(run.name()));
    context.note(end_of(cancelled.back()));
  }
  cancel_slurm_tasks(context, cancelled);
}

std::string how_to_start(const v1::Run& run) {
  if (run.executor() != kSlurm) return "";
  return "; `hooke runs launch " + run.run_id() + " --on slurm --spool DIR` starts a task for it";
}

void retry(Context& context, const ManyOptions& options) {
  for (const v1::Run& run : resolve_all(context, options.runs))
    context.note(context.api().retry_run(run.name()).run_id() + " is queued again" + how_to_start(run));
}

void extend(Context& context, const ExtendOptions& options) {
  const v1::Run run = context.api().get_run(resolve_run(context.api(), options.run).name());
  const int before = run.config().training().epochs();
  const int after = options.epochs > 0 ? options.epochs : 2 * before;
  context.api().extend_run(run.name(), after);
  context.note(run.run_id() + " is queued again, for " + std::to_string(after) + " epochs instead of " +
               std::to_string(before) + "; `hooke watch " + run.run_id() + "` follows it" +
               how_to_start(run));
}

// The queued ones of these runs that are meant for Slurm and have no task there.
std::vector<v1::Run> runs_to_launch(Context& context, const std::vector<std::string>& references) {
  std::vector<v1::Run> runs;
  for (const v1::Run& run : resolve_runs(context.api(), references)) {
    std::string why;
    if (run.executor() != kSlurm)
      why = "was not submitted with --on slurm";
    else if (run.state() != v1::RUN_STATE_QUEUED)
      why = "is " + state_name(run.state()) + ", not queued";
    else if (run.has_slurm())
      why = "has a task: " + slurm_text(run) + " (`hooke runs list --refresh` asks Slurm about it)";
    if (why.empty())
      runs.push_back(run);
    else
      context.note("hooke: " + run.run_id() + " is left as it is: it " + why);
  }
  if (runs.empty()) throw Error(Code::kFailedPrecondition, "there is no run to start a task for");
  return runs;
}

void launch_runs(Context& context, const RunLaunchOptions& options) {
  const auto runs = runs_to_launch(context, options.runs);
  SlurmLaunch array(context, options.slurm, experiment_of(runs.front().name()),
                    "Queued runs of Hooke, one task for each.");
  array.set_runs(std::vector<std::string>(runs.size(), runs.front().run_id()));
  array.try_out();
  launch_runs(context, array, runs);
}

void add_launch(CLI::App& group, Context& context) {
  auto options = std::make_shared<RunLaunchOptions>();
  CLI::App* command = add_command<RunLaunchOptions>(
      group, "launch",
      "Start Slurm tasks for queued runs that have none: retried, extended, or refused by sbatch",
      "  hooke runs launch k3f9 --on slurm --partition gpu --gpus 1 --spool /scratch/me/hooke\n"
      "  hooke runs launch mine --on slurm --spool /scratch/me/hooke    # all such runs of an experiment",
      options, [&](const RunLaunchOptions& given) { launch_runs(context, given); });
  command->add_option("RUN", options->runs, "Runs or experiments")->required();
  add_slurm_options(*command, options->slurm);
  command->get_option("--on")->required();
}

// The commands that change runs.
void add_changes(CLI::App& group, Context& context) {
  auto cancelling = std::make_shared<ManyOptions>();
  CLI::App* command =
      add_command<ManyOptions>(group, "cancel", "Cancel queued and running runs",
                               "  hooke runs cancel k3f9\n"
                               "  hooke runs cancel k3f9 p2c7",
                               cancelling, [&](const ManyOptions& options) { cancel(context, options); });
  command->add_option("RUN", cancelling->runs, "Ids of runs, or the beginnings of them")->required();

  auto retrying = std::make_shared<ManyOptions>();
  command = add_command<ManyOptions>(
      group, "retry",
      "Queue failed or cancelled runs again; they go on from their newest checkpoint where there is one",
      "  hooke runs retry k3f9", retrying, [&](const ManyOptions& options) { retry(context, options); });
  command->add_option("RUN", retrying->runs, "Ids of runs, or the beginnings of them")->required();

  auto extending = std::make_shared<ExtendOptions>();
  command = add_command<ExtendOptions>(
      group, "extend", "Train a run that has succeeded further, from its final checkpoint",
      "  hooke runs extend k3f9               # twice as many epochs\n"
      "  hooke runs extend k3f9 --epochs 20",
      extending, [&](const ExtendOptions& options) { extend(context, options); });
  command->add_option("RUN", extending->run, "Id of a run, or the beginning of it")->required();
  command->add_option("--epochs", extending->epochs, "Epochs in all; default: twice as many as now")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
}

}  // namespace

void add_runs(CLI::App& app, Context& context) {
  CLI::App* group = add_group(
      app, "runs", "Runs: list, show, logs, cancel, retry, extend, launch, tag, note, archive, delete",
      "  hooke runs list\n"
      "  hooke runs show k3f9");

  auto listing = std::make_shared<RunListOptions>();
  CLI::App* command = add_command<RunListOptions>(
      *group, "list", "Runs, of the newest experiment first",
      "  hooke runs list\n"
      "  hooke runs list --experiment fashion-mnist -o csv\n"
      "  hooke runs list --filter 'state = RUNNING AND config.training.lr < 0.01'\n"
      "  hooke runs list --filter 'tags.team = \"vision\" AND create_time > -24h'\n"
      "  hooke runs list --filter 'latest.\"train/loss\":nan OR state = FAILED'\n"
      "  hooke runs list --order-by 'latest.\"test/accuracy\" desc, seed'\n"
      "  hooke runs list --refresh            # asks Slurm what became of its tasks",
      listing, [&](const RunListOptions& options) { list_runs(context, options); });
  command->add_option("--experiment", listing->experiment, "Only the runs of this experiment")
      ->type_name("EXPERIMENT");
  add_list_options(*command, listing->wanted, "runs");
  command->add_flag("--refresh", listing->refresh, "Ask Slurm about the runs' tasks first, on a login node");
  add_format(*command, listing->format);

  auto showing = std::make_shared<RunShowOptions>();
  command = add_command<RunShowOptions>(*group, "show", "Everything about one run",
                                        "  hooke runs show k3f9\n"
                                        "  hooke runs show k3f9 -o json",
                                        showing,
                                        [&](const RunShowOptions& options) { show_run(context, options); });
  command->add_option("RUN", showing->run, "Id of a run, or the beginning of it")->required();
  add_format(*command, showing->format);

  auto logging = std::make_shared<LogsOptions>();
  command = add_command<LogsOptions>(
      *group, "logs", "Last lines of the trainer's log, of the newest attempt that ended",
      "  hooke runs logs k3f9", logging, [&](const LogsOptions& options) { logs(context, options); });
  command->add_option("RUN", logging->run, "Id of a run, or the beginning of it")->required();
  add_changes(*group, context);
  add_launch(*group, context);
  add_edits(*group, context, kind_of_runs());
}

}  // namespace hooke::cli
