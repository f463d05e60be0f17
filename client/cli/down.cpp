// hooke down
#include <ostream>

#include "client/cli/commands.h"
#include "client/cli/processes.h"

namespace hooke::cli {
namespace {

// Time for a worker to write a checkpoint and give its lease back, and for the server to close
// its database.
constexpr std::chrono::milliseconds kStopPatience{30'000};

struct DownOptions {};

void down(Context& context) {
  const auto folder = sdk::state_folder(context.environment);
  if (!std::filesystem::exists(folder)) {
    context.out << "nothing is up\n";
    return;
  }
  const StateLock lock(folder);
  const auto state = sdk::read_up_state(folder);
  if (!state || std::none_of(state->processes.begin(), state->processes.end(), alive)) {
    sdk::remove_up_state(folder);
    context.out << "nothing is up\n";
    return;
  }
  // Workers first: they tell the server that they go.
  std::vector<sdk::ProcessRecord> workers;
  std::vector<sdk::ProcessRecord> servers;
  for (const sdk::ProcessRecord& process : state->processes)
    (process.role == "hooked" ? servers : workers).push_back(process);
  int killed = stop(workers, kStopPatience);
  killed += stop(servers, kStopPatience);
  sdk::remove_up_state(folder);
  context.out << "hooke is down; its data stay in " << (folder / "server").string() << '\n';
  if (killed > 0)
    context.note("hooke: " + plural(killed, "process") + (killed == 1 ? "" : "es") +
                 " did not end within half a minute and had to be killed");
}

}  // namespace

void add_down(CLI::App& app, Context& context) {
  add_command<DownOptions>(app, "down", "Stop what `hooke up` started; data stay", "  hooke down",
                           std::make_shared<DownOptions>(), [&](const DownOptions&) { down(context); });
}

}  // namespace hooke::cli
