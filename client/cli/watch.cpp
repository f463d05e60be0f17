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
#include "client/cli/screen.h"
#include "client/cli/text.h"

namespace hooke::cli {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kWatchTick{500};
// Between two looks, however fast the changes come.
constexpr std::chrono::milliseconds kFrame{250};
// Between two lines about one run that only went on.
constexpr std::chrono::seconds kLinePause{5};
// Asking for a matrix and curves costs the server more than a look at a run.
constexpr std::chrono::seconds kDetailsPause{2};
// How long it is said that the server is back.
constexpr std::chrono::seconds kBackShown{15};
constexpr std::size_t kMostCurves = 5;
// Of a curve: more than a terminal has columns.
constexpr int kCurvePoints = 400;

struct WatchOptions {
  std::vector<std::string> targets;
};

const v1::Run& furthest(const std::vector<v1::Run>& runs) {
  return *std::max_element(runs.begin(), runs.end(),
                           [](const v1::Run& a, const v1::Run& b) { return a.step() < b.step(); });
}

// Training, then what the first measure gives: a matrix's dominance, or scalars.
std::vector<std::string> keys_of_interest(const std::vector<v1::SeriesInfo>& all, const std::string& matrix) {
  std::vector<std::string> keys;
  const auto stored = [&](const std::string& key) {
    return std::any_of(all.begin(), all.end(),
                       [&](const v1::SeriesInfo& one) { return one.key() == key && one.count() > 0; });
  };
  for (const char* key : {"train/loss", "train/accuracy", "test/loss", "test/accuracy"})
    if (stored(key)) keys.push_back(key);
  if (!matrix.empty() && stored(matrix)) keys.push_back(matrix + ".dominance");
  for (const v1::SeriesInfo& one : all)
    if (keys.size() < kMostCurves && one.kind() == v1::SERIES_KIND_SCALAR && one.count() > 0 &&
        std::find(keys.begin(), keys.end(), one.key()) == keys.end())
      keys.push_back(one.key());
  return keys;
}

// What there is of the run so far; what cannot be had now is left as it was.
void refresh(Api& api, const std::string& run, Details& details) {
  if (details.run != run) details = {run, {}, {}};
  try {
    v1::GetInfluenceRequest request;
    request.set_parent(run);
    auto influence = api.get_influence(request);
    check_shape(influence);
    details.matrix = std::move(influence);
  } catch (const Error&) {  // nothing measured yet, no classes, or the server is away
  }
  try {
    v1::GetSeriesRequest request;
    request.set_run(run);
    request.set_points(kCurvePoints);
    for (const auto& key :
         keys_of_interest(api.list_series(run), details.matrix ? details.matrix->key() : std::string()))
      request.add_keys(key);
    if (request.keys().empty()) return;
    const auto answer = api.get_series(request);
    details.curves.clear();
    for (int i = 0; i < answer.columns_size() && i < request.keys_size(); ++i) {
      const v1::SeriesColumn& column = answer.columns(i);
      details.curves.push_back({request.keys(i),
                                {column.step().begin(), column.step().end()},
                                {column.value().begin(), column.value().end()}});
    }
  } catch (const Error&) {
  }
}

// Which run is shown in detail, and when it was asked for.
class Focus {
 public:
  void move(const std::vector<v1::Run>& runs, int by) {
    const auto at = std::find_if(runs.begin(), runs.end(),
                                 [&](const v1::Run& run) { return run.name() == details_.run; });
    const auto from = at == runs.end() ? 0 : at - runs.begin();
    const auto to = std::clamp<std::ptrdiff_t>(from + by, 0, std::ssize(runs) - 1);
    chosen_ = runs[static_cast<std::size_t>(to)].name();
    asked_.reset();
  }
  // Until somebody chooses one, the run that is furthest.
  const Details& look(Api& api, const RunFeed::View& view, steady_clock::time_point now) {
    if (view.connected && (view.all_final || !asked_ || now - *asked_ > kDetailsPause)) {
      refresh(api, chosen_.empty() ? furthest(view.runs).name() : chosen_, details_);
      asked_ = steady_clock::now();
    }
    return details_;
  }

 private:
  std::string chosen_;
  Details details_;
  std::optional<steady_clock::time_point> asked_;
};

// What stands below the runs: how to leave, and whether the server is there.
class Remark {
 public:
  std::string text(const RunFeed::View& view, bool keys, steady_clock::time_point now) {
    if (!view.connected) {
      if (!away_) away_ = now;
      back_.reset();
      return "the server is away for " + seconds(now - *away_) + "; waiting for it, nothing is lost";
    }
    if (away_) {
      back_ = now;
      was_away_ = seconds(now - *away_);
      away_.reset();
    }
    if (back_ && now - *back_ < kBackShown) return "the server is back, after " + was_away_;
    if (!keys) return "Ctrl-C leaves; the runs go on";
    // Fits 40 columns.
    return view.runs.size() > 1 ? "q leaves; up and down choose a run" : "q leaves, the run goes on";
  }

 private:
  static std::string seconds(steady_clock::duration time) {
    return duration(std::chrono::duration<double>(time).count());
  }
  std::optional<steady_clock::time_point> away_, back_;
  std::string was_away_;
};

ExitCode follow_live(Context& context, RunFeed& feed) {
  LiveView live(context.terminal);
  Focus focus;
  Remark remark;
  LiveView::Size size{context.terminal.columns, context.terminal.rows};
  RunFeed::View view = feed.next(kWatchTick);
  std::optional<Screen> screen;
  if (!view.all_final) screen.emplace(context.out, context.terminal);
  while (!view.all_final) {
    const auto now = steady_clock::now();
    const Details& details = focus.look(context.api(), view, now);
    size = {screen->columns(), screen->rows()};
    screen->show(live.frame(view, details, size, remark.text(view, context.terminal.in, now), now));
    const auto key = screen->wait(kFrame);
    if (key == Key::kQuit) {
      screen.reset();
      context.note(headline(view.runs) + "; what runs goes on, `hooke watch " +
                   experiment_of(view.runs.front().name()) + "` looks again");
      return kDone;
    }
    view = feed.next(std::chrono::milliseconds(0));
    if (key == Key::kUp || key == Key::kDown) focus.move(view.runs, key == Key::kUp ? -1 : 1);
  }
  screen.reset();
  // How it ended stays on the terminal.
  const auto now = steady_clock::now();
  for (const std::string& line : live.frame(view, focus.look(context.api(), view, now), size, "", now))
    context.out << line << '\n';
  context.out << std::flush;
  return outcome(context, view.runs);
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
    const RunFeed::View view = feed.next(kWatchTick);
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
  return context.terminal.out && !context.terminal.dumb ? follow_live(context, feed)
                                                        : follow_lines(context, feed);
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
      "  hooke watch k3f9 p2c7\n"
      "  hooke watch fashion-mnist > log.txt      plain lines, as everywhere but on a terminal\n"
      "\n"
      "On a terminal: q leaves (exit code 0) and the runs go on; up and down, or k and j, choose the run\n"
      "whose newest matrix and curves are shown. A server that is started again is waited for.",
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
