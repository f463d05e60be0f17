// hooke wait
#include <algorithm>
#include <ostream>

#include "client/cli/commands.h"
#include "client/cli/feed.h"
#include "client/cli/progress.h"
#include "client/cli/resources.h"
#include "client/cli/watch.h"

namespace hooke::cli {
namespace {

constexpr std::chrono::milliseconds kWaitTick{1'000};

struct WaitOptions {
  std::vector<std::string> targets;
};

// "2 of 3 runs have ended; k3f9 9/322" for a terminal's one line.
std::string progress(const std::vector<v1::Run>& runs) {
  const auto ended =
      std::count_if(runs.begin(), runs.end(), [](const v1::Run& run) { return is_final(run.state()); });
  std::string text = std::to_string(ended) + " of " + plural(static_cast<std::int64_t>(runs.size()), "run") +
                     (runs.size() == 1 ? " has ended" : " have ended");
  for (const v1::Run& run : runs)
    if (run.state() == v1::RUN_STATE_RUNNING && run.total_steps() > 0)
      text += "; " + run.run_id() + " " + std::to_string(run.step() + 1) + "/" +
              std::to_string(run.total_steps());
  return text;
}

void wait(Context& context, const WaitOptions& options) {
  const auto runs = resolve_runs(context.api(), options.targets);
  if (runs.empty()) return context.note("no runs to wait for");
  RunFeed feed(context.api(), runs);
  ProgressLine line(context);
  bool connected = true;
  while (true) {
    const RunFeed::View view = feed.next(kWaitTick);
    if (view.connected != connected) {
      line.note(view.connected ? "hooke: the server is back" : "hooke: the server is away; waiting for it");
      connected = view.connected;
    }
    if (view.all_final) {
      line.clear();
      context.exit_code = outcome(context, view.runs);
      return;
    }
    if (context.terminal.err) line.draw(progress(view.runs));
  }
}

}  // namespace

void add_wait(CLI::App& app, Context& context) {
  auto options = std::make_shared<WaitOptions>();
  CLI::App* command =
      add_command<WaitOptions>(app, "wait", "Wait until runs have ended; 3 when one failed or was cancelled",
                               "  hooke wait k3f9 p2c7\n"
                               "  hooke wait fashion-mnist && hooke influence fashion-mnist",
                               options, [&](const WaitOptions& given) { wait(context, given); });
  command->add_option("RUN", options->targets, "Runs or experiments")
      ->required()
      ->option_text("RUN|EXPERIMENT");
}

}  // namespace hooke::cli
