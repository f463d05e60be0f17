// hooke workers list | launch
#include <ctime>

#include "client/cli/commands.h"
#include "client/cli/resources.h"
#include "client/cli/slurm.h"
#include "client/cli/text.h"

namespace hooke::cli {
namespace {

struct WorkerListOptions {
  Format format = Format::kTable;
};

struct WorkerLaunchOptions {
  int workers = 0;
  std::string labels;
  int idle = 300;
  SlurmOptions slurm;
};

constexpr std::int64_t kMicros = 1'000'000;

std::string joined(const google::protobuf::RepeatedPtrField<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

void list_workers(Context& context, const WorkerListOptions& options) {
  const auto workers = context.api().list_workers();
  if (options.format == Format::kJson) return print_json_list(context.out, workers);
  const bool csv = options.format == Format::kCsv;
  Grid grid{{"worker", "devices", "labels", "version", "run", csv ? "last_seen_us" : "last seen"}, {}};
  for (const v1::Worker& worker : workers) {
    std::string labels;
    for (const auto& [key, value] : std::map(worker.labels().begin(), worker.labels().end()))
      labels += (labels.empty() ? "" : " ") + key + "=" + value;
    const double ago = static_cast<double>(std::time(nullptr)) -
                       static_cast<double>(worker.last_seen_us()) / static_cast<double>(kMicros);
    grid.rows.push_back(
        {worker.name(), joined(worker.devices()), labels, worker.version(),
         worker.run().empty() ? "" : id_of(worker.run()),
         csv ? std::to_string(worker.last_seen_us()) : duration(std::max(0.0, ago)) + " ago"});
  }
  if (csv) return print_csv(context.out, grid);
  print_table(context.out, grid);
  if (workers.empty())
    context.note("no workers; `hooke up` starts one on this machine, hooke-worker any number");
}

void launch_workers(Context& context, const WorkerLaunchOptions& options) {
  if (options.slurm.offline) throw invalid("--offline", "is not for workers that ask the server for runs");
  SlurmLaunch array(context, options.slurm, "hooke-workers",
                    "Workers that take whatever Hooke's server has queued.");
  std::vector<std::string> arguments{"--idle", std::to_string(options.idle)};
  if (!options.labels.empty()) arguments.insert(arguments.end(), {"--labels", options.labels});
  array.set_workers(options.workers, arguments);
  array.try_out();
  const std::string job = array.start();
  context.note("Slurm's job " + job + " has " + plural(options.workers, "worker") +
               "; `hooke workers list` shows those that have started, `scancel " + job + "` ends them");
}

}  // namespace

void add_workers(CLI::App& app, Context& context) {
  CLI::App* group = add_group(app, "workers", "Workers: list, launch", "  hooke workers list");
  auto options = std::make_shared<WorkerListOptions>();
  CLI::App* command = add_command<WorkerListOptions>(
      *group, "list", "Workers that are alive or were within the last day",
      "  hooke workers list\n"
      "  hooke workers list -o json",
      options, [&](const WorkerListOptions& given) { list_workers(context, given); });
  add_format(*command, options->format);

  auto launching = std::make_shared<WorkerLaunchOptions>();
  command = add_command<WorkerLaunchOptions>(
      *group, "launch", "Start workers that take whatever is queued as Slurm tasks: for many short runs",
      "  hooke workers launch 4 --on slurm --partition gpu --gpus 1 --time 8:00:00 --spool "
      "/scratch/me/hooke\n"
      "  hooke workers launch 16 --on slurm --labels gpu=a100 --idle 60 --spool /scratch/me/hooke",
      launching, [&](const WorkerLaunchOptions& given) { launch_workers(context, given); });
  command->add_option("N", launching->workers, "How many")->required()->check(CLI::PositiveNumber);
  command->add_option("--labels", launching->labels, "What they offer, as gpu=a100,node=big")
      ->type_name("K=V,…");
  command->add_option("--idle", launching->idle, "Each ends after so many seconds without a run; 0: never")
      ->type_name("SECONDS")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  add_slurm_options(*command, launching->slurm);
  command->get_option("--on")->required();
}

}  // namespace hooke::cli
