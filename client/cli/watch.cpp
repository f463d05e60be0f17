// hooke watch
#include "client/cli/watch.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <ostream>
#include <thread>

#include "client/cli/commands.h"
#include "client/cli/feed.h"
#include "client/cli/live_view.h"
#include "client/cli/resources.h"

namespace hooke::cli {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kTick{500};
// Between two looks, however fast the changes come.
constexpr std::chrono::milliseconds kFrame{250};
// Between two lines about one run that only went on.
constexpr std::chrono::seconds kLinePause{5};
// Asking for a matrix costs the server more than a look at a run.
constexpr std::chrono::seconds kMatrixPause{2};

struct WatchOptions {
  std::vector<std::string> targets;
};

// The newest matrix of the run that is furthest; absent while there is none.
std::optional<v1::GetInfluenceResponse> newest_matrix(Api& api, const std::vector<v1::Run>& runs) {
  const auto furthest = std::max_element(
      runs.begin(), runs.end(), [](const v1::Run& a, const v1::Run& b) { return a.step() < b.step(); });
  if (furthest == runs.end() || furthest->step() < 0) return std::nullopt;
  v1::GetInfluenceRequest request;
  request.set_parent(furthest->name());
  try {
    auto influence = api.get_influence(request);
    check_shape(influence);
    return influence;
  } catch (const Error&) {
    return std::nullopt;  // nothing measured yet, or the server is away
  }
}

ExitCode follow_live(Context& context, RunFeed& feed) {
  LiveView live(context.out, context.terminal);
  std::optional<v1::GetInfluenceResponse> matrix;
  std::optional<steady_clock::time_point> asked;
  while (true) {
    const RunFeed::View view = feed.next(kTick);
    const auto now = steady_clock::now();
    if (view.connected && (view.all_final || !asked || now - *asked > kMatrixPause)) {
      if (auto fresh = newest_matrix(context.api(), view.runs)) matrix = std::move(fresh);
      asked = steady_clock::now();
    }
    live.draw(view, matrix, now);
    if (view.all_final) return outcome(context, view.runs);
    std::this_thread::sleep_until(now + kFrame);
  }
}

std::string line_of(const v1::Run& run) {
  std::string text = run.run_id() + " " + state_name(run.state());
  if (run.step() >= 0)
    text += " step " + std::to_string(run.step()) + "/" + std::to_string(run.total_steps() - 1);
  for (const auto& [key, name] : {std::pair("train/loss", "loss"), std::pair("train/accuracy", "accuracy"),
                                  std::pair("test/accuracy", "test accuracy")})
    if (const auto value = latest(run, key)) text += std::string(" ") + name + " " + brief(*value);
  return text;
}

ExitCode follow_lines(Context& context, RunFeed& feed) {
  struct Shown {
    v1::RunState state = v1::RUN_STATE_UNSPECIFIED;
    std::int64_t step = -1;
    steady_clock::time_point time;
  };
  std::map<std::string, Shown> shown;
  bool connected = true;
  while (true) {
    const RunFeed::View view = feed.next(kTick);
    if (view.connected != connected) {
      context.note(view.connected ? "hooke: the server is back"
                                  : "hooke: the server is away; waiting for it");
      connected = view.connected;
    }
    const auto now = steady_clock::now();
    for (const v1::Run& run : view.runs) {
      Shown& last = shown[run.name()];
      const bool went_on = run.step() != last.step && now - last.time >= kLinePause;
      if (run.state() == last.state && !went_on) continue;
      context.out << line_of(run) << std::endl;
      last = {run.state(), run.step(), now};
    }
    if (view.all_final) return outcome(context, view.runs);
    std::this_thread::sleep_until(now + kFrame);
  }
}

}  // namespace

ExitCode follow(Context& context, std::vector<v1::Run> runs) {
  RunFeed feed(context.api(), std::move(runs));
  return context.terminal.out ? follow_live(context, feed) : follow_lines(context, feed);
}

ExitCode outcome(Context& context, const std::vector<v1::Run>& runs) {
  ExitCode code = kDone;
  for (const v1::Run& run : runs) {
    if (run.state() == v1::RUN_STATE_SUCCEEDED) continue;
    context.note("hooke: " + end_of(run));
    code = kRunFailed;
  }
  return code;
}

void add_watch(CLI::App& app, Context& context) {
  auto options = std::make_shared<WatchOptions>();
  CLI::App* command = add_command<WatchOptions>(
      app, "watch", "Watch runs live until they end; ends with their outcome (0, or 3)",
      "  hooke watch fashion-mnist\n"
      "  hooke watch k3f9 p2c7",
      options, [&](const WatchOptions& given) {
        const auto runs = resolve_runs(context.api(), given.targets);
        if (runs.empty()) return context.note("no runs to watch");
        context.exit_code = follow(context, runs);
      });
  command->add_option("TARGET", options->targets, "Runs or experiments")
      ->required()
      ->option_text("RUN|EXPERIMENT...");
}

}  // namespace hooke::cli
