// hooke-worker: options -> connection -> the agent's loop, until SIGTERM or SIGINT. `hooke-worker run` is
// another command: see alone.h.
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string_view>
#include <thread>

#include "client/sdk/connection.h"
#include "hooke_version.h"
#include "proto/hooke/error.h"
#include "worker/agent/agent.h"
#include "worker/agent/alone.h"
#include "worker/agent/devices.h"
#include "worker/agent/log.h"
#include "worker/agent/slurm_task.h"

namespace {

using hooke::Code;
using hooke::Error;
using hooke::agent::AgentEnd;
using hooke::agent::Options;

std::atomic<bool> stop_requested{false};
std::atomic<bool> time_is_up{false};   // Slurm's warning before the time limit
std::atomic<bool> interrupted{false};  // by a person, who does not want it to come back

void request_stop(int signal_number) {
  if (signal_number == SIGUSR1) time_is_up = true;
  if (signal_number == SIGINT) interrupted = true;
  stop_requested = true;
}

std::filesystem::path own_folder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

std::string default_name() {
  char host[256] = "worker";
  ::gethostname(host, sizeof host - 1);
  return std::string(host) + "-" + std::to_string(::getpid());
}

std::filesystem::path default_spool() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state && *state) return std::filesystem::path(state) / "hooke" / "spool";
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home && *home ? home : ".") / ".local" / "state" / "hooke" / "spool";
}

void parse_labels(const std::vector<std::string>& pairs, Options& options) {
  for (const std::string& pair : pairs) {
    const auto equals = pair.find('=');
    if (equals == 0 || equals == std::string::npos)
      throw hooke::invalid("--labels", "'" + pair + "' is not allowed; key=value, as in gpu=a100");
    options.labels[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
}

void check(const Options& options) {
  if (options.threads < 1)
    throw hooke::invalid("--threads", std::to_string(options.threads) + " is not allowed; 1 or more");
  if (options.offline && options.run.empty()) throw hooke::invalid("--offline", "needs --run RUN");
  for (const auto& root : options.data_roots)
    if (!std::filesystem::is_directory(root))
      throw hooke::invalid("--data-root", root.string() + " is not a folder");
}

// Exit status of a worker that was stopped before the end, and will not come back by itself.
constexpr int kExitStopped = 75;

int exit_code(AgentEnd end, bool requeue) {
  if (end == AgentEnd::kDone) return 0;
  if (end == AgentEnd::kFailed) return 3;
  if (!requeue || interrupted) return 0;
  return hooke::agent::request_requeue(hooke::sdk::process_environment()) ? 0 : kExitStopped;
}

// The environment, which has no token any more for programs that are started.
hooke::sdk::Environment take_environment() {
  const auto rest = hooke::sdk::process_environment();
  const auto token = rest("HOOKE_TOKEN");
  ::unsetenv("HOOKE_TOKEN");
  return [rest, token](const char* name) {
    return std::string_view(name) == "HOOKE_TOKEN" ? token : rest(name);
  };
}

int exit_code(Code code) {
  if (code == Code::kUnauthenticated || code == Code::kPermissionDenied) return 4;
  if (code == Code::kInvalidArgument || code == Code::kNotFound || code == Code::kOutOfRange) return 2;
  return 1;
}

// The command line.
struct Line {
  Options options;
  hooke::sdk::ConnectOptions connect;
  std::vector<std::string> labels;
  std::string level = "info";
  bool requeue = false;
};

void set_defaults(Options& options) {
  options.name = default_name();
  options.spool = default_spool();
  options.trainer = own_folder() / "hooke-trainer";
  const auto environment = hooke::sdk::process_environment();
  options.threads = hooke::agent::usable_cpus(environment);
  options.devices.clear();
  options.slurm = hooke::agent::slurm_task(environment);
  // A job and its task say more than a host and a number of a process, and are as unique.
  if (options.slurm)
    options.name = environment("SLURMD_NODENAME").value_or("slurm") + "-" + options.slurm->job_id();
  options.time_is_up = &time_is_up;
  options.data_roots = {"/usr/share/datasets"};
}

void add_options(CLI::App& app, Line& line) {
  Options& options = line.options;
  const auto env = [](CLI::Option* option, const char* name) {
    option->envname(std::string("HOOKE_WORKER_") + name);
  };
  env(app.add_option("--server", line.connect.server,
                     "HOST:PORT of the server (default: HOOKE_SERVER, then what `hooke up` started)"),
      "SERVER");
  env(app.add_option("--token-file", line.connect.token_file,
                     "File with the token (default: HOOKE_TOKEN_FILE)"),
      "TOKEN_FILE");
  env(app.add_option("--ca", line.connect.ca,
                     "PEM file of the authority behind the server's certificate (default: HOOKE_CA)"),
      "CA");
  env(app.add_option("--cert", line.connect.cert,
                     "PEM file with this worker's own certificate (default: HOOKE_CERT)"),
      "CERT");
  env(app.add_option("--key", line.connect.key, "PEM file with its private key (default: HOOKE_KEY)"), "KEY");
  env(app.add_option("--name", options.name, "Name of this worker")->capture_default_str(), "NAME");
  env(app.add_option("--labels", line.labels, "What it offers, as gpu=a100")->delimiter(','), "LABELS");
  env(app.add_option("--devices", options.devices, hooke::agent::kDevicesHelp)->delimiter(','), "DEVICES");
  env(app.add_option("--threads", options.threads, "Threads that train and measure")->capture_default_str(),
      "THREADS");
  env(app.add_option("--spool", options.spool, "Folder for records that are not yet sent")
          ->capture_default_str(),
      "SPOOL");
  env(app.add_option("--data-root", options.data_roots, "Folder below which data may be read; repeatable")
          ->capture_default_str(),
      "DATA_ROOT");
  env(app.add_option("--trainer", options.trainer, "The hooke-trainer to start")->capture_default_str(),
      "TRAINER");
  env(app.add_option("--run", options.run, "Only this run, until its end"), "RUN");
  env(app.add_flag(
          "--offline", options.offline,
          "With --run: without the server, from SPOOL/RUN/run.json; `hooke sync` sends what it records"),
      "OFFLINE");
  env(app.add_flag("--requeue", line.requeue,
                   "In a Slurm batch job: when SIGUSR1 warns of the time limit, and on SIGTERM, stop at a "
                   "checkpoint and ask Slurm to queue the job again"),
      "REQUEUE");
  env(app.add_option("--idle", options.idle_longest, "End after this many seconds without a run; 0: never")
          ->check(CLI::NonNegativeNumber)
          ->default_str("0"),
      "IDLE");
  env(app.add_option("--log-level", line.level, "debug, info, warning or error")->capture_default_str(),
      "LOG_LEVEL");
  env(app.add_flag("--once", options.once, "End after one run"), "ONCE");
  env(app.add_flag("--keep-spool", options.keep_spool, "Keep records that the server has"), "KEEP_SPOOL");
  env(app.add_option("--spool-limit", options.spool_limit_bytes,
                     "Space for the records of a run that the server has not yet, as 20G")
          ->transform(CLI::AsSizeValue(false))
          ->default_str("10G"),
      "SPOOL_LIMIT");
  env(app.add_option("--checkpoint-seconds", options.checkpoint_seconds,
                     "A checkpoint at least this often; 0: only those that a run asks for")
          ->check(CLI::NonNegativeNumber)
          ->capture_default_str(),
      "CHECKPOINT_SECONDS");
  env(app.add_flag("--allow-torchscript", options.allow_torchscript,
                   "Run TorchScript programs that configurations name, from the data roots"),
      "ALLOW_TORCHSCRIPT");
  env(app.add_flag("--no-system-metrics", options.no_system_metrics,
                   "Leave out the series system/*: what the CPU, the memory and the GPUs do"),
      "NO_SYSTEM_METRICS");
}

}  // namespace

int main(int argc, char** argv) {
  // Neither a core dump nor another process of this user reads the token in its memory.
  ::prctl(PR_SET_DUMPABLE, 0);
  const hooke::sdk::Environment environment = take_environment();
  hooke::agent::set_up_log("info");
  if (argc > 1 && std::string_view(argv[1]) == "run") return hooke::agent::run_alone(argc - 1, argv + 1);
  CLI::App app(
      "Trains the runs of a Hooke server and streams what is measured.\n\n"
      "Examples:\n"
      "  hooke-worker --server node1:7070 --spool /scratch/me/spool --data-root /data\n"
      "  hooke-worker run mine.yaml --out runs/first     # without a server; see hooke-worker run --help\n");
  app.set_version_flag("--version",
                       std::string("hooke-worker ") + hooke::kVersion + " (" + hooke::kGitCommit + ")");
  app.set_config("--config", "", "File with options, one NAME=VALUE a line")->envname("HOOKE_WORKER_CONFIG");
  app.allow_config_extras(CLI::config_extras_mode::error);
  Line line;
  set_defaults(line.options);
  add_options(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }

  Options& options = line.options;
  spdlog::set_level(spdlog::level::from_str(line.level));
  std::signal(SIGTERM, request_stop);
  std::signal(SIGINT, request_stop);
  if (line.requeue) std::signal(SIGUSR1, request_stop);
  try {
    parse_labels(line.labels, options);
    check(options);
    const auto devices = hooke::agent::choose_devices(options.devices, environment, options.trainer);
    options.devices = devices.names;
    std::filesystem::create_directories(options.spool);
    if (options.offline) return exit_code(hooke::agent::run_offline(options, stop_requested), line.requeue);
    hooke::sdk::Connection connection(hooke::sdk::resolve(line.connect, environment),
                                      [](const std::string& notice) { spdlog::warn(notice); });
    spdlog::info("worker {} of {}: {} thread(s), spool {}", options.name, connection.endpoint().address,
                 options.threads, options.spool.string());
    return exit_code(hooke::agent::run_agent(connection, options, stop_requested), line.requeue);
  } catch (const Error& error) {
    spdlog::error(hooke::describe(error));
    return exit_code(error.code());
  } catch (const std::exception& error) {
    spdlog::error(error.what());
    return 1;
  }
}
