// hooke submit
#include <optional>
#include <ostream>

#include "client/cli/commands.h"
#include "client/cli/progress.h"
#include "client/cli/resources.h"
#include "client/cli/slurm.h"
#include "client/cli/sweep.h"
#include "client/cli/text.h"
#include "client/cli/watch.h"
#include "client/sdk/config_file.h"
#include "client/sdk/uuid.h"
#include "proto/hooke/run_config.h"
#include "proto/hooke/yaml_config.h"

namespace hooke::cli {
namespace {

struct SubmitOptions {
  std::string file;
  std::string preset;
  std::vector<std::string> set;
  std::vector<std::string> sweep;
  int seeds = 1;
  std::string name;
  std::vector<std::string> tags;
  std::vector<std::string> require;
  int priority = 0;
  int max_attempts = 0;  // 0: as the server has it
  bool dry_run = false;
  bool follow = false;
  bool quiet = false;
  SlurmOptions slurm;
  Format format = Format::kTable;
};

v1::RunConfig read_config(const SubmitOptions& options) {
  v1::RunConfig config = sdk::load_config({options.file, options.preset, options.set}, "hooke: ");
  if (!options.name.empty()) config.set_name(options.name);
  return config;
}

v1::SubmitExperimentRequest to_request(const SubmitOptions& options) {
  v1::SubmitExperimentRequest request;
  // The same request, sent again, submits nothing twice.
  request.set_request_id(sdk::make_uuid());
  *request.mutable_config() = read_config(options);
  request.set_experiment_id(options.name);
  const std::int64_t first = hooke::complete(request.config()).training().seed();
  if (options.seeds > 1)
    for (int i = 0; i < options.seeds; ++i) request.add_seeds(first + i);
  for (const std::string& axis : options.sweep) *request.add_sweep() = parse_axis(axis);
  for (const std::string& tag : options.tags) {
    const auto [key, value] = sdk::split_assignment(tag, "--tag");
    (*request.mutable_tags())[key] = value;
  }
  for (const std::string& label : options.require) {
    const auto [key, value] = sdk::split_assignment(label, "--require");
    (*request.mutable_require())[key] = value;
  }
  if (options.slurm.given()) {
    if (!options.require.empty())
      throw invalid("--require",
                    "is for workers that ask for runs; on Slurm say it so: --sbatch constraint=FEATURE");
    request.set_executor(kSlurm);
  }
  request.set_priority(options.priority);
  if (options.max_attempts > 0) request.set_max_attempts(options.max_attempts);
  return request;
}

void print_plan(Context& context, const v1::SubmitExperimentRequest& request) {
  const auto runs = planned_runs(request);
  context.out << yaml_text(to_json(runs.front().config));
  context.out << "# " << plural(static_cast<std::int64_t>(runs.size()), "run") << " would be submitted:\n";
  for (const PlannedRun& run : runs) {
    context.out << "#   seed " << run.config.training().seed();
    for (const auto& [field, value] : run.sweep) context.out << ", " << field << ": " << value;
    context.out << '\n';
  }
}

void print_submitted(Context& context, const v1::SubmitExperimentResponse& answer,
                     const SubmitOptions& options) {
  const std::vector<v1::Run> runs(answer.runs().begin(), answer.runs().end());
  if (options.quiet) {
    for (const v1::Run& run : runs) context.out << run.run_id() << std::endl;
    return;
  }
  if (options.format == Format::kJson) return print_json(context.out, answer);
  if (options.format == Format::kCsv) return print_runs(context.out, runs, options.format);
  const std::string name = id_of(answer.experiment().name());
  Grid grid{{"run", "experiment", "state", "seed", "sweep"}, {}};
  for (const v1::Run& run : runs) {
    std::string sweep;
    for (const auto& [field, value] : std::map(run.sweep().begin(), run.sweep().end()))
      sweep += (sweep.empty() ? "" : " ") + field + "=" + value;
    grid.rows.push_back({run.run_id(), name, state_name(run.state()), std::to_string(run.seed()), sweep});
  }
  print_table(context.out, grid);
  if (!options.follow) context.note("submitted " + name + "; `hooke watch " + name + "` follows it");
}

// One task for each planned run, whose ids come with the submit.
std::optional<SlurmLaunch> plan_launch(Context& context, const SubmitOptions& options,
                                       const std::string& name, std::size_t runs) {
  if (!options.slurm.given()) return std::nullopt;
  std::optional<SlurmLaunch> launch;
  launch.emplace(context, options.slurm, name, "Runs of Hooke's experiment " + name + ", one task for each.");
  std::vector<std::string> ids;
  for (std::size_t i = 1; i <= runs; ++i) ids.push_back("RUN" + std::to_string(i));
  launch->set_runs(ids);
  return launch;
}

void submit(Context& context, const SubmitOptions& options) {
  const v1::SubmitExperimentRequest request = to_request(options);
  const auto plan = planned_runs(request);  // every combination must be valid: a wrong one submits nothing
  const std::string name = options.name.empty() ? plan.front().config.name() : options.name;
  auto launch = plan_launch(context, options, name, plan.size());
  if (options.dry_run) {
    if (!launch) return print_plan(context, request);
    context.out << launch->script();
    return;
  }
  if (launch) launch->try_out();  // what Slurm refuses is not submitted
  v1::SubmitExperimentResponse answer;
  {
    const Waiting waiting(context, "submitting " + plural(std::ssize(plan), "run"));
    answer = context.api().submit(request);
  }
  print_submitted(context, answer, options);
  if (launch) launch_runs(context, *launch, {answer.runs().begin(), answer.runs().end()});
  if (options.follow) context.exit_code = follow(context, {answer.runs().begin(), answer.runs().end()});
}

}  // namespace

void add_submit(CLI::App& app, Context& context) {
  auto options = std::make_shared<SubmitOptions>();
  CLI::App* command = add_command<SubmitOptions>(
      app, "submit", "Submit one configuration, times seeds, times a sweep, as a new experiment",
      "  hooke submit --preset fashion-mnist --seeds 3 --follow\n"
      "  hooke submit mine.yaml --set training.lr=0.1 --tag kind=trial\n"
      "  hooke submit mine.yaml --sweep training.lr=0.1,0.01 --sweep training.batch=32,64 --dry-run\n"
      "  hooke wait $(hooke submit mine.yaml -q)\n"
      "  hooke submit mine.yaml --seeds 8 --on slurm --gpus 1 --time 4:00:00 "
      "--spool /scratch/me/hooke",
      options, [&](const SubmitOptions& given) { submit(context, given); });
  CLI::Option* file = command->add_option("FILE", options->file, "Configuration, YAML; - for standard input");
  command->add_option("--preset", options->preset, "A configuration that ships with Hooke")
      ->type_name("PRESET")
      ->excludes(file);
  add_repeated(*command, "--set", options->set, "FIELD=VALUE", "Set a field, as training.lr=0.1");
  add_repeated(*command, "--sweep", options->sweep, "FIELD=V,V,…", "Runs for each of these values");
  command->add_option("--seeds", options->seeds, "Runs with training.seed, the seed after it, …")
      ->type_name("N")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->add_option("--name", options->name, "Name of the experiment; one that is taken gets -2")
      ->type_name("NAME");
  add_repeated(*command, "--tag", options->tags, "KEY=VALUE", "Tag of the experiment");
  add_repeated(*command, "--require", options->require, "KEY=VALUE", "Label that a worker must have");
  command->add_option("--priority", options->priority, "Runs of a higher one are begun first")
      ->type_name("N")
      ->capture_default_str();
  command
      ->add_option("--max-attempts", options->max_attempts,
                   "Times that a run may crash or lose its worker before it fails; default: 5")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  command->add_flag("--dry-run", options->dry_run,
                    "Print the completed configuration and the runs, or the batch script; submit nothing");
  command->add_flag("--follow", options->follow, "Watch the runs until they end");
  command->add_flag("-q,--quiet", options->quiet, "Print run ids only, one a line");
  add_format(*command, options->format);
  add_slurm_options(*command, options->slurm);
}

}  // namespace hooke::cli
