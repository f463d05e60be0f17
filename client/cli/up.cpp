// hooke up
#include <algorithm>
#include <fstream>
#include <ostream>
#include <thread>

#include "client/cli/commands.h"
#include "client/cli/processes.h"
#include "client/cli/web_link.h"
#include "client/sdk/gpus.h"

namespace hooke::cli {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kDefaultPort = 7070;
constexpr int kDefaultHttpPort = 7071;
constexpr int kMaxPort = 65535;
constexpr int kMaxWorkers = 64;
constexpr const char* kDefaultDataRoot = "/usr/share/datasets";
constexpr milliseconds kStartPatience{30'000};
constexpr milliseconds kStopPatience{20'000};
constexpr milliseconds kHealthPatience{5'000};
constexpr milliseconds kStartPoll{50};
const std::string kHost = "127.0.0.1:";
// A worker that cannot start has ended by then.
constexpr milliseconds kWorkerSettles{700};
constexpr std::size_t kLogLines = 10;

struct UpOptions {
  int workers = 0;    // 0: as many as were up, else one for each GPU, else 1
  int port = 0;       // 0: the default, or a free one
  int http_port = 0;  // the same
  std::vector<std::string> data_roots;
  bool allow_torchscript = false;
};

// Everything below the state folder.
struct Layout {
  fs::path root;
  fs::path data() const { return root / "server"; }
  fs::path token() const { return data() / "token"; }
  fs::path spool() const { return root / "spool"; }
  fs::path logs() const { return root / "log"; }
  fs::path port_file() const { return root / "ports"; }
  fs::path log_of(const std::string& role) const { return logs() / (role + ".log"); }
};

std::string choose_port(int wanted, int usual, const char* option) {
  if (wanted > 0 && port_taken(wanted))
    throw Error(Code::kFailedPrecondition, std::string(option) + ": port " + std::to_string(wanted) +
                                               " is taken; choose another or none");
  if (wanted > 0) return std::to_string(wanted);
  return port_taken(usual) ? "0" : std::to_string(usual);
}

bool healthy(const sdk::UpState& state) {
  sdk::Endpoint endpoint;
  endpoint.address = state.address;
  return Api(endpoint, {}).healthy(kHealthPatience);
}

Error broken_start(const std::string& role, const fs::path& log) {
  std::string message =
      role + " did not start; its log, " + log.string() + ", ends with:\n" + tail(log, kLogLines);
  return Error(Code::kFailedPrecondition, message);
}

// The addresses in the port file, once the server has written it; nothing when it ended without, or
// took too long.
bool await_addresses(const Layout& layout, sdk::UpState& state) {
  const auto until = steady_clock::now() + kStartPatience;
  std::string port;
  std::string http_port;
  while (alive(state.processes.front()) && steady_clock::now() < until) {
    std::ifstream ports(layout.port_file());
    if (ports >> port >> http_port) {
      state.address = kHost + port;
      state.http_address = kHost + http_port;
      return true;
    }
    std::this_thread::sleep_for(kStartPoll);
  }
  return false;
}

// Starts the server and waits until it answers. `workers` already run and will find it.
sdk::UpState start_server(const Context& context, const Layout& layout, const UpOptions& options,
                          const std::vector<sdk::ProcessRecord>& workers, bool again = false) {
  fs::remove(layout.port_file());
  const std::string port = choose_port(options.port, kDefaultPort, "--port");
  const std::string http_port = choose_port(options.http_port, kDefaultHttpPort, "--http-port");
  sdk::UpState state;
  state.processes.push_back(start({"hooked",
                                   context.programs / "hooked",
                                   {"--listen", kHost + port, "--http", kHost + http_port, "--data",
                                    layout.data().string(), "--port-file", layout.port_file().string()},
                                   {},
                                   layout.log_of("hooked")}));
  state.processes.insert(state.processes.end(), workers.begin(), workers.end());
  state.token_file = layout.token().string();
  // Recorded before it answers: whatever happens now, `hooke down` finds it.
  sdk::write_up_state(layout.root, state);
  if (await_addresses(layout, state) && healthy(state)) return state;

  stop({state.processes.front()}, kStopPatience);
  // Another process may have taken a port since it was chosen: then others are chosen, once.
  const bool port_lost = port_taken(std::stoi(port)) || port_taken(std::stoi(http_port));
  if (port_lost && !again) return start_server(context, layout, options, workers, true);
  stop(workers, kStopPatience);
  sdk::remove_up_state(layout.root);
  throw broken_start("hooked", layout.log_of("hooked"));
}

// Starts workers until there are `wanted`, and records them.
void add_workers_to(sdk::UpState& state, const Context& context, const Layout& layout, int wanted) {
  std::vector<sdk::ProcessRecord> fresh;
  while (static_cast<int>(state.processes.size()) - 1 < wanted) {
    Command command{
        "hooke-worker",
        context.programs / "hooke-worker",
        {"--server", state.address, "--spool", layout.spool().string()},
        {{"HOOKE_TOKEN_FILE", state.token_file}, {"HOOKE_TOKEN", ""}, {"HOOKE_SERVER", ""}, {"HOOKE_CA", ""}},
        layout.log_of("hooke-worker-" + std::to_string(state.processes.size()))};
    for (const std::string& root : state.data_roots) {
      command.arguments.push_back("--data-root");
      command.arguments.push_back(root);
    }
    if (state.allow_torchscript) command.arguments.push_back("--allow-torchscript");
    fresh.push_back(start(command));
    state.processes.push_back(fresh.back());
    sdk::write_up_state(layout.root, state);
  }
  if (fresh.empty()) return;
  std::this_thread::sleep_for(kWorkerSettles);
  for (const sdk::ProcessRecord& worker : fresh)
    if (!alive(worker)) {
      std::erase(state.processes, worker);
      sdk::write_up_state(layout.root, state);
      throw broken_start("hooke-worker", layout.log_of("hooke-worker-1"));
    }
}

// What of the record still runs; nothing when its server does not.
std::optional<sdk::UpState> still_up(Context& context, const Layout& layout) {
  auto state = sdk::read_up_state(layout.root);
  if (!state || state->processes.empty()) return std::nullopt;
  const std::size_t recorded = state->processes.size();
  if (!alive(state->processes.front()) || state->address.empty() || !healthy(*state)) return std::nullopt;
  std::erase_if(state->processes, [](const sdk::ProcessRecord& process) { return !alive(process); });
  if (state->processes.size() < recorded)
    context.note(plural(static_cast<std::int64_t>(recorded - state->processes.size()), "worker") +
                 " had ended");
  return state;
}

// The port in "host:port", 0 when there is none.
int port_of(const std::string& address) {
  const auto colon = address.rfind(':');
  return colon == std::string::npos ? 0 : std::atoi(address.c_str() + colon + 1);
}

// Workers whose server is gone and who go on asking for it at its address: when that is free they
// are kept, with their runs, and `options` are made to start the server there. Else they are ended.
std::vector<sdk::ProcessRecord> survivors(Context& context, const Layout& layout, UpOptions& options) {
  const auto state = sdk::read_up_state(layout.root);
  if (!state || state->processes.empty()) return {};
  stop({state->processes.front()}, kStopPatience);
  std::vector<sdk::ProcessRecord> workers(state->processes.begin() + 1, state->processes.end());
  std::erase_if(workers, [](const sdk::ProcessRecord& worker) { return !alive(worker); });
  if (workers.empty()) return {};
  const int port = port_of(state->address);
  const int http_port = port_of(state->http_address);
  const bool wanted_elsewhere = options.port > 0 && options.port != port;
  if (port == 0 || port_taken(port) || wanted_elsewhere) {
    context.note("the server does not answer and cannot be had at " + state->address +
                 "; stopping what is left of it");
    stop(workers, kStopPatience);
    return {};
  }
  context.note("the server had ended; its workers are there");
  options.port = port;
  if (http_port > 0 && !port_taken(http_port)) options.http_port = http_port;
  return workers;
}

std::vector<std::string> data_roots(const UpOptions& options) {
  std::vector<std::string> roots;
  if (fs::is_directory(kDefaultDataRoot)) roots.push_back(kDefaultDataRoot);
  for (const std::string& root : options.data_roots) {
    if (!fs::is_directory(root)) throw invalid("", "--data-root: '" + root + "' is not a folder");
    roots.push_back(fs::canonical(root).string());
  }
  return roots;
}

void report(Context& context, const Layout& layout, const sdk::UpState& state, bool was_up) {
  const auto workers = static_cast<std::int64_t>(state.processes.size()) - 1;
  context.out << "hooke is up" << (was_up ? " already" : "") << ": " << plural(workers, "worker") << '\n'
              << "  server   " << state.address << '\n'
              << "  web app  "
              << web_link("http://" + state.http_address, sdk::read_token_file(state.token_file)) << '\n'
              << "  token    " << state.token_file << '\n'
              << "  data     " << layout.data().string() << '\n'
              << "  logs     " << layout.logs().string() << '\n'
              << "go on with `hooke submit --preset fashion-mnist --follow`; `hooke down` stops it\n";
}

// One for each GPU that the trainer can use: each takes one of its own. What workers are told by their
// environment holds; a Slurm task's worker takes all that Slurm gave it.
int usual_workers(Context& context) {
  for (const char* decided : {"HOOKE_WORKER_DEVICES", "SLURM_JOB_ID"})
    if (context.environment(decided)) return 1;
  const auto trainer = context.environment("HOOKE_WORKER_TRAINER");
  const sdk::Gpus gpus = sdk::usable_gpus(trainer ? fs::path(*trainer) : context.programs / "hooke-trainer");
  if (!gpus.complaint.empty()) context.note(gpus.complaint);
  return std::clamp(static_cast<int>(gpus.usable.size()), 1, kMaxWorkers);
}

void up(Context& context, UpOptions options) {
  const Layout layout{sdk::state_folder(context.environment)};
  const auto roots = data_roots(options);
  const StateLock lock(layout.root);
  for (const fs::path& folder : {layout.data(), layout.spool(), layout.logs()})
    fs::create_directories(folder);
  const auto before = sdk::read_up_state(layout.root);
  const int recorded = before ? static_cast<int>(before->processes.size()) - 1 : 0;
  const int workers = options.workers > 0 ? options.workers
                      : recorded > 0      ? recorded
                                          : usual_workers(context);

  auto state = still_up(context, layout);
  if (state) {
    if (options.port > 0 && state->address != kHost + std::to_string(options.port))
      context.note("it is up at " + state->address + "; `hooke down` first to change the port");
    for (const std::string& root : roots)
      if (std::find(state->data_roots.begin(), state->data_roots.end(), root) == state->data_roots.end())
        context.note("workers that are up do not read " + root + "; `hooke down` first to add it");
    if (options.allow_torchscript && !state->allow_torchscript)
      context.note("workers that are up do not run TorchScript; `hooke down` first to allow it");
    const bool complete = static_cast<int>(state->processes.size()) - 1 >= workers;
    add_workers_to(*state, context, layout, workers);
    return report(context, layout, *state, complete);
  }
  const auto kept = survivors(context, layout, options);
  state = start_server(context, layout, options, kept);
  state->data_roots = kept.empty() ? roots : before->data_roots;
  state->allow_torchscript = kept.empty() ? options.allow_torchscript : before->allow_torchscript;
  sdk::write_up_state(layout.root, *state);
  add_workers_to(*state, context, layout, workers);
  report(context, layout, *state, false);
}

}  // namespace

void add_up(CLI::App& app, Context& context) {
  auto options = std::make_shared<UpOptions>();
  CLI::App* command =
      add_command<UpOptions>(app, "up", "Start a server and workers on this machine, in the background",
                             "  hooke up\n"
                             "  hooke up --workers 2 --data-root ~/data",
                             options, [&](const UpOptions& given) { up(context, given); });
  command
      ->add_option("--workers", options->workers,
                   "Number of workers; default: as many as there were, else one for each GPU, else 1")
      ->type_name("N")
      ->check(CLI::Range(1, kMaxWorkers));
  add_repeated(*command, "--data-root", options->data_roots, "DIR",
               std::string("Folder that workers may read data from, beside ") + kDefaultDataRoot);
  command->add_flag("--allow-torchscript", options->allow_torchscript,
                    "Let runs name TorchScript programs below the data folders; workers run them as you");
  command
      ->add_option("--port", options->port, "Port of the server on 127.0.0.1; default: 7070, or a free one")
      ->type_name("PORT")
      ->check(CLI::Range(1, kMaxPort));
  command->add_option("--http-port", options->http_port, "Port of HTTP; default: 7071, or a free one")
      ->type_name("PORT")
      ->check(CLI::Range(1, kMaxPort));
}

}  // namespace hooke::cli
