#include "worker/agent/alone.h"

#include <fcntl.h>
#include <google/protobuf/util/message_differencer.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "client/sdk/config_file.h"
#include "client/sdk/uuid.h"
#include "proto/hooke/error.h"
#include "proto/hooke/run_config.h"
#include "proto/hooke/yaml_config.h"
#include "worker/agent/devices.h"
#include "worker/agent/trainer_process.h"

namespace hooke::agent {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kRunFile = "run.json";
constexpr const char* kLockFile = ".lock";
// Of a trainer that crashes, without a server that counts.
constexpr int kStarts = 5;

struct RunOptions {
  RunOptions() {
    worker.devices.clear();
    worker.threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    worker.data_roots = {"/usr/share/datasets"};
    worker.trainer = fs::read_symlink("/proc/self/exe").parent_path() / "hooke-trainer";
  }

  sdk::ConfigSource source;
  fs::path out;
  Options worker;
};

void write_in_one_step(const fs::path& path, const std::string& text) {
  const fs::path fresh = path.string() + ".new";
  std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) throw Error(Code::kUnavailable, "cannot write " + fresh.string());
  fs::rename(fresh, path);
}

// The lock lives as long as the open file, which goes over to the trainer.
void lock_folder(const fs::path& folder) {
  const int file = ::open((folder / kLockFile).c_str(), O_RDWR | O_CREAT, 0644);
  if (file < 0) throw Error(Code::kUnavailable, folder.string() + ": " + std::strerror(errno));
  if (::flock(file, LOCK_EX | LOCK_NB) == 0) return;
  ::close(file);
  throw Error(Code::kFailedPrecondition, folder.string() + " is in use by another process");
}

// The first field in which they differ, with both values. `then` may lack a default that this version has.
std::string first_difference(const std::string& then, const std::string& now) {
  std::string report;
  google::protobuf::util::MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&report);
  const v1::RunConfig before = complete(parse_config(then, kRunFile));
  if (differencer.Compare(before, parse_config(now, "the configuration"))) return "";
  return report.substr(0, report.find('\n'));
}

// Of a run that was submitted to a server.
std::string submitted_config(const fs::path& folder) {
  std::ifstream in(folder / kRunFile);
  if (!in)
    throw Error(Code::kNotFound, (folder / kRunFile).string() +
                                     " is not there; `hooke submit --on slurm --offline " +
                                     "--spool DIR` writes it");
  const json text = json::parse(in, nullptr, false);
  if (!text.is_object() || !text.contains("config"))
    throw Error(Code::kFailedPrecondition, (folder / kRunFile).string() + " is damaged");
  return text["config"].dump();
}

// Its UUID. Throws hooke::Error when it is another run's.
std::string known_run(const fs::path& folder, const std::string& config_json) {
  std::ifstream in(folder / kRunFile);
  std::string uuid, config;
  try {
    const json text = json::parse(in);
    uuid = text.at("uuid");
    config = text.at("config").dump();
  } catch (const json::exception&) {
    throw Error(Code::kFailedPrecondition, (folder / kRunFile).string() + " is damaged");
  }
  const std::string difference = first_difference(config, config_json);
  if (difference.empty()) return uuid;
  throw Error(Code::kFailedPrecondition, folder.string() + " holds a run of another configuration (" +
                                             difference + "); give another folder with --out");
}

// The trainer's command line.
std::vector<std::string> command(const Options& options, const fs::path& folder, const std::string& uuid) {
  std::string devices;
  for (const std::string& device : options.devices) devices += (devices.empty() ? "" : ",") + device;
  std::vector<std::string> out{options.trainer.string(),
                               "--config",
                               (folder / "config.json").string(),
                               "--out",
                               folder.string(),
                               "--alone",
                               "--offline-uuid",
                               uuid,
                               "--threads",
                               std::to_string(options.threads),
                               "--device",
                               devices,
                               "--checkpoint-seconds",
                               std::to_string(options.checkpoint_seconds)};
  for (const auto& root : options.data_roots) {
    out.push_back("--data-root");
    out.push_back(root.string());
  }
  if (options.allow_torchscript) out.push_back("--allow-torchscript");
  if (options.no_system_metrics) out.push_back("--no-system-metrics");
  return out;
}

[[noreturn]] void become(std::vector<std::string> command) {
  std::vector<char*> arguments;
  for (std::string& argument : command) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  ::execv(arguments[0], arguments.data());
  throw Error(Code::kUnavailable,
              "trainer " + command[0] + ": " + std::strerror(errno) +
                  "; install hooke-trainer beside hooke-worker or name it with --trainer");
}

void add_options(CLI::App& app, RunOptions& options) {
  CLI::Option* file =
      app.add_option("FILE", options.source.file, "Configuration, YAML; - for standard input");
  app.add_option("--preset", options.source.preset, "A configuration that ships with Hooke")
      ->type_name("NAME")
      ->excludes(file);
  app.add_option("--set", options.source.set, "Set a field, as training.lr=0.1; repeatable")
      ->type_name("FIELD=VALUE")
      ->allow_extra_args(false);
  app.add_option("--out", options.out, "Folder for everything that the run leaves")
      ->type_name("DIR")
      ->required();
  app.add_option("--threads", options.worker.threads, "Threads that train and measure")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--device", options.worker.devices, kDevicesHelp)
      ->delimiter(',')
      ->envname("HOOKE_WORKER_DEVICES");
  app.add_option("--data-root", options.worker.data_roots, "Folder below which data may be read; repeatable")
      ->check(CLI::ExistingDirectory)
      ->allow_extra_args(false)
      ->capture_default_str();
  app.add_option("--checkpoint-seconds", options.worker.checkpoint_seconds,
                 "A checkpoint at least this often; 0: only those that the configuration asks for")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_flag("--allow-torchscript", options.worker.allow_torchscript,
               "Run a TorchScript program that the configuration names, from the data roots");
  app.add_flag("--no-system-metrics", options.worker.no_system_metrics,
               "Leave out the series system/*: what the CPU, the memory and the GPUs do");
  app.add_option("--trainer", options.worker.trainer, "The hooke-trainer to start")->capture_default_str();
}

}  // namespace

std::string open_run_folder(const fs::path& folder, const std::string& config_json) {
  fs::create_directories(folder);
  if (!fs::exists(folder / kRunFile)) {
    // What a start that was killed at once may have left.
    const std::string begun[] = {kLockFile, kRunFile + std::string(".new")};
    for (const auto& entry : fs::directory_iterator(folder))
      if (std::find(std::begin(begun), std::end(begun), entry.path().filename()) == std::end(begun))
        throw Error(Code::kFailedPrecondition, folder.string() + " holds something that is no run, as " +
                                                   entry.path().filename().string() +
                                                   "; give a new or empty folder with --out");
  }
  lock_folder(folder);
  std::string uuid;
  if (fs::exists(folder / kRunFile)) {
    uuid = known_run(folder, config_json);
  } else {
    uuid = sdk::make_uuid();
    write_in_one_step(folder / kRunFile,
                      json{{"uuid", uuid}, {"config", json::parse(config_json)}}.dump(2) + "\n");
  }
  write_in_one_step(folder / "config.json", config_json);
  return uuid;
}

AgentEnd run_offline(const Options& options, const std::atomic<bool>& stop) {
  const fs::path folder = options.spool / options.run;
  const std::string config = submitted_config(folder);
  const std::string uuid = open_run_folder(folder, config);
  for (int start = 1;; ++start) {
    TrainerProcess trainer(command(options, folder, uuid), folder / "trainer.log");
    spdlog::info("run {}: records into {}", options.run, folder.string());
    auto end = trainer.poll();
    for (; !end && !stop; end = trainer.poll()) std::this_thread::sleep_for(kTrainerPoll);
    if (!end) end = trainer.stop(kTrainerGraceMs);
    if (end->signal == 0 && end->exit_status == 0) return AgentEnd::kDone;
    if (stop) return AgentEnd::kStopped;
    spdlog::warn("run {}: {}", options.run,
                 reason_of(*end, tail(folder / "trainer.log", kLogLines)).message());
    // An exit status is the trainer's own word on the run; a signal may have been the node's fault.
    if (end->signal == 0 || start == kStarts) return AgentEnd::kFailed;
  }
}

int run_alone(int argc, char** argv) {
  CLI::App app(
      "Trains and measures one run without a server.\n\n"
      "DIR gets one CSV file for each series, and a folder for each start with its records and checkpoints.\n"
      "The same command resumes at the newest checkpoint; Ctrl-C stops at one.\n"
      "`hooke sync DIR` sends what is there to a server, also while the run goes on.\n\n"
      "Exit codes: 0 done, 1 the run failed, 2 bad input, 75 stopped; the same command goes on.\n\n"
      "Examples:\n"
      "  hooke-worker run mine.yaml --out runs/first --data-root ~/data\n"
      "  hooke-worker run --preset fashion-mnist --set training.epochs=5 --out runs/fashion\n",
      "hooke-worker run");
  RunOptions options;
  add_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    const v1::RunConfig config = complete(sdk::load_config(options.source, "hooke-worker: "));
    const std::string uuid = open_run_folder(options.out, canonical_json(config));
    const auto devices =
        choose_devices(options.worker.devices, sdk::process_environment(), options.worker.trainer);
    options.worker.devices = devices.names;
    become(command(options.worker, options.out, uuid));
  } catch (const Error& error) {
    std::cerr << "hooke-worker: " << describe(error) << std::endl;
    const bool bad_input = error.code() == Code::kInvalidArgument || error.code() == Code::kNotFound ||
                           error.code() == Code::kFailedPrecondition;
    return bad_input ? 2 : 1;
  } catch (const std::exception& error) {
    std::cerr << "hooke-worker: " << error.what() << std::endl;
    return 1;
  }
}

}  // namespace hooke::agent
