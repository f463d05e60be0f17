// The options of Slurm, and handing an array of tasks to it.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "client/cli/commands.h"
#include "client/cli/output.h"
#include "client/cli/progress.h"
#include "client/cli/slurm.h"
#include "client/process/program.h"
#include "client/sdk/uuid.h"
#include "client/slurm/jobs.h"

namespace hooke::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kGroup = "With --on slurm";
constexpr const char* kWorker = "hooke-worker";
constexpr const char* kRunFile = "run.json";

// For the user alone, before a byte is in it. Throws hooke::Error (kUnavailable).
void write_private(const fs::path& path, const std::string& text, mode_t mode = 0600) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  const bool written =
      file >= 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const bool closed = file >= 0 && ::close(file) == 0;
  if (!written || !closed)
    throw Error(Code::kUnavailable, "cannot write " + path.string() + ": " + std::strerror(errno));
}

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  if (!in) throw Error(Code::kUnavailable, "cannot read " + path.string());
  return text.str();
}

fs::path spool_of(const SlurmOptions& options) {
  if (options.spool.empty())
    throw invalid("--spool",
                  "is missing; name a folder that this machine and the cluster's nodes share, for "
                  "records and checkpoints, as --spool /scratch/me/hooke");
  return fs::absolute(options.spool).lexically_normal();
}

// sbatch with this script; throws hooke::Error (kFailedPrecondition) with what it said.
std::string sbatch(const std::vector<std::string>& arguments, const std::string& script) {
  std::vector<std::string> command{"sbatch"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const process::Output output = process::run_program(command, script);
  if (output.status == 0) return output.out;
  std::string hint;
  if (output.status == process::kNotThere) hint = "; this is for a login node of the cluster";
  if (output.err.find("Invalid job array") != std::string::npos)
    hint =
        "; the cluster takes fewer tasks at once (MaxArraySize of `scontrol show config`): submit fewer "
        "seeds";
  throw Error(Code::kFailedPrecondition, process::complaint(command, output) + hint);
}

}  // namespace

void add_slurm_options(CLI::App& command, SlurmOptions& options) {
  slurm::Wanted& wanted = options.wanted;
  CLI::Option* on =
      command.add_option("--on", options.on, "Who starts the workers: slurm, as tasks of a job array")
          ->check(CLI::IsMember(std::vector<std::string>{kSlurm}))
          ->type_name("slurm");
  const auto add = [&](CLI::Option* option, const char* type) {
    option->type_name(type)->group(kGroup)->needs(on);
  };
  add(command.add_option(
          "--spool", options.spool,
          "Folder for records, checkpoints and logs that this machine and the nodes share; required"),
      "DIR");
  add(command.add_option("--partition", wanted.partition, "Slurm's partition"), "P");
  add(command.add_option("--account", wanted.account, "Account that is charged"), "A");
  add(command.add_option("--time", wanted.time,
                         "Time limit of a task, as 2:00:00; a run that needs more goes on in another start"),
      "T");
  add(command.add_option("--gpus", wanted.gpus, "GPUs of a task")->check(CLI::NonNegativeNumber), "N");
  add(command.add_option("--array-limit", wanted.array_limit, "Tasks that may run at once")
          ->check(CLI::PositiveNumber),
      "K");
  add_repeated(command, "--data-root", options.data_roots, "DIR",
               "Folder on the nodes below which data may be read");
  command.get_option("--data-root")->group(kGroup)->needs(on);
  command
      .add_flag("--offline", options.offline,
                "The nodes do not reach the server: tasks record into --spool, and `hooke sync` sends it")
      ->group(kGroup)
      ->needs(on);
  add_repeated(command, "--sbatch", options.sbatch, "OPTION=VALUE", "Any other option of sbatch, as mem=16G");
  command.get_option("--sbatch")->group(kGroup)->needs(on);
}

SlurmLaunch::SlurmLaunch(Context& context, const SlurmOptions& options, const std::string& name,
                         const std::string& about)
    : context_(context), offline_(options.offline), spool_(spool_of(options)) {
  batch_.wanted = options.wanted;
  for (const std::string& option : options.sbatch)
    batch_.wanted.options.push_back(slurm::parse_option(option));
  slurm::check(batch_.wanted);
  batch_.name = name;
  batch_.about = about;
  batch_.folder = spool_ / "slurm" / (name + "-" + sdk::make_uuid().substr(0, 8));
  batch_.worker = {(context.programs / kWorker).string(), "--requeue", "--spool", spool_.string()};
  const auto add = [this](const std::string& option, const std::string& value) {
    batch_.worker.insert(batch_.worker.end(), {option, value});
  };
  for (const std::string& root : options.data_roots)
    add("--data-root", fs::absolute(root).lexically_normal().string());
  if (offline_) {
    batch_.worker.push_back("--offline");
    return;
  }
  const sdk::Endpoint& endpoint = context.api().endpoint();
  add("--server", endpoint.address);
  if (!endpoint.token.empty()) add("--token-file", (batch_.folder / "token").string());
  if (!endpoint.ca_file.empty()) add("--ca", (batch_.folder / "ca.pem").string());
  if (!endpoint.cert_file.empty()) add("--cert", (batch_.folder / "cert.pem").string());
  if (!endpoint.key_file.empty()) add("--key", (batch_.folder / "key.pem").string());
}

void SlurmLaunch::set_workers(int tasks, const std::vector<std::string>& arguments) {
  batch_.tasks = tasks;
  batch_.worker.insert(batch_.worker.end(), arguments.begin(), arguments.end());
}

void SlurmLaunch::try_out() {
  const Waiting waiting(
      context_, "asking Slurm whether it takes " + plural(static_cast<std::int64_t>(tasks()), "task"));
  sbatch({"--test-only"}, script());
  cluster_ = slurm::this_cluster().name;
}

void SlurmLaunch::write_folder() const {
  const fs::path& folder = batch_.folder;
  fs::create_directories(folder.parent_path());
  if (::mkdir(folder.c_str(), 0700) != 0)
    throw Error(Code::kUnavailable, "cannot make " + folder.string() + ": " + std::strerror(errno));
  write_private(folder / "batch.sh", script(), 0700);
  if (offline_) return;
  const sdk::Endpoint& endpoint = context_.api().endpoint();
  if (!endpoint.token.empty()) write_private(folder / "token", endpoint.token + "\n");
  if (!endpoint.ca_file.empty()) write_private(folder / "ca.pem", read_file(endpoint.ca_file));
  if (!endpoint.cert_file.empty()) write_private(folder / "cert.pem", read_file(endpoint.cert_file));
  if (!endpoint.key_file.empty()) write_private(folder / "key.pem", read_file(endpoint.key_file));
}

void SlurmLaunch::write_runs(const std::vector<v1::Run>& runs) const {
  if (!offline_) return;
  for (const v1::Run& run : runs) {
    const fs::path folder = spool_ / run.run_id();
    fs::create_directories(folder);
    if (fs::exists(folder / kRunFile)) continue;  // of a start before
    const nlohmann::ordered_json text{{"uuid", sdk::make_uuid()},
                                      {"run", run.run_id()},
                                      {"config", nlohmann::json::parse(run.config_json())}};
    write_private(folder / kRunFile, text.dump(2) + "\n");
  }
}

std::string SlurmLaunch::start() {
  const sdk::Endpoint& endpoint = context_.api().endpoint();
  if (!offline_ && sdk::is_loopback(endpoint.address))
    context_.note(
        "hooke: the server's address " + endpoint.address +
        " is this machine's own: tasks on other nodes do not reach it (--server HOST:PORT, or --offline)");
  write_folder();
  std::string id = sbatch({"--parsable", (batch_.folder / "batch.sh").string()}, {});
  return id.substr(0, id.find_first_of(";\n"));
}

void launch_runs(Context& context, SlurmLaunch& launch, const std::vector<v1::Run>& runs) {
  std::vector<std::string> ids;
  for (const v1::Run& run : runs) ids.push_back(run.run_id());
  launch.set_runs(ids);
  std::string job;
  try {
    const Waiting waiting(context, "submitting " + plural(std::ssize(runs), "task") + " to Slurm");
    launch.write_runs(runs);
    job = launch.start();
  } catch (const std::exception& error) {
    std::string names;
    for (const std::string& id : ids) names += " " + id;
    throw Error(Code::kFailedPrecondition,
                std::string(error.what()) + "; the runs stay queued: `hooke runs launch" + names +
                    " --on slurm …` starts their tasks, `hooke runs cancel" + names + "` cancels them");
  }
  v1::UpdateSlurmJobsRequest request;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    auto* entry = request.add_jobs();
    entry->set_run(runs[i].name());
    entry->mutable_job()->set_cluster(launch.cluster());
    entry->mutable_job()->set_job_id(job + "_" + std::to_string(i));
    entry->mutable_job()->set_state("PENDING");
  }
  try {
    context.api().update_slurm_jobs(request);
  } catch (const Error& error) {  // each task says it itself when it starts
    context.note("hooke: the server does not know Slurm's job " + job + " yet: " + describe(error));
  }
  context.note("Slurm's job " + job + " has " + plural(std::ssize(runs), "task") +
               "; `hooke runs list --refresh` asks Slurm about them" +
               (launch.offline()
                    ? ", `hooke sync " + launch.spool().string() + " --every 60` sends what they record"
                    : ""));
}

}  // namespace hooke::cli
