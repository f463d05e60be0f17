#include "client/cli/live_view.h"

#include <algorithm>
#include <cstdio>

#include "client/cli/heat_maps.h"
#include "client/cli/output.h"
#include "client/cli/progress.h"
#include "client/cli/resources.h"
#include "client/cli/text.h"
#include "client/plots/sparkline.h"
#include "client/plots/terminal.h"
#include "client/plots/text.h"

namespace hooke::cli {
namespace {

using std::chrono::steady_clock;

// From here on the matrix stands beside the curves.
constexpr int kWide = 90;
constexpr int kBlockGap = 3;
constexpr int kKeyColumns = 24, kValueColumns = 10;
constexpr int kHighestCurve = 4;
// Runs that are shown whatever else wants room.
constexpr int kFewestRuns = 3;
// Of a terminal's 256.
constexpr int kGreen = 34, kRed = 160, kBlue = 39, kFaint = 244, kYellow = 178;

int state_colour(v1::RunState state) {
  switch (state) {
    case v1::RUN_STATE_RUNNING:
      return kBlue;
    case v1::RUN_STATE_SUCCEEDED:
      return kGreen;
    case v1::RUN_STATE_FAILED:
    case v1::RUN_STATE_CANCELLED:
      return kRed;
    default:
      return kFaint;
  }
}

// Running ones first: they are what changes.
std::vector<const v1::Run*> by_interest(const std::vector<v1::Run>& runs) {
  const auto rank = [](const v1::Run* run) {
    if (run->state() == v1::RUN_STATE_RUNNING) return 0;
    return is_final(run->state()) ? 2 : 1;
  };
  std::vector<const v1::Run*> order;
  for (const v1::Run& run : runs) order.push_back(&run);
  std::stable_sort(order.begin(), order.end(),
                   [&](const v1::Run* a, const v1::Run* b) { return rank(a) < rank(b); });
  return order;
}

// A piece of a run's line; the less it counts, the sooner it is left out.
struct Piece {
  std::string text;
  int rank;
};

std::string fitted(const std::vector<Piece>& pieces, std::size_t columns) {
  std::vector<bool> kept(pieces.size());
  std::size_t used = 0;
  for (int rank = 0; rank < 10; ++rank)
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const std::size_t wide = width(pieces[i].text) + (used > 0 ? 2 : 0);
      if (pieces[i].rank != rank || pieces[i].text.empty() || (used > 0 && used + wide > columns)) continue;
      kept[i] = true;
      used += wide;
    }
  std::string line;
  for (std::size_t i = 0; i < pieces.size(); ++i)
    if (kept[i]) line += (line.empty() ? "" : "  ") + pieces[i].text;
  return line;
}

std::string metric(const v1::Run& run, const char* key, const char* name) {
  const auto value = latest(run, key);
  return value ? std::string(name) + " " + pad_right(brief(*value), 7) : "";
}

}  // namespace

std::string headline(const std::vector<v1::Run>& runs) {
  std::map<std::string, int> counts;
  for (const v1::Run& run : runs) ++counts[state_name(run.state())];
  std::vector<std::string> parts;
  for (const auto& [state, count] : counts) parts.push_back(std::to_string(count) + " " + state);
  return experiment_of(runs.front().name()) + ": " + enumerate(parts);
}

std::string LiveView::tinted(const std::string& text, int colour) const {
  if (!terminal_.colour || text.empty()) return text;
  return "\x1b[38;5;" + std::to_string(colour) + "m" + text + "\x1b[0m";
}

std::string LiveView::pace(const v1::Run& run, steady_clock::time_point now) {
  if (run.state() != v1::RUN_STATE_RUNNING) return {};
  const auto [found, fresh] = starts_.try_emplace(run.name(), Start{run.step(), now});
  // An attempt that resumed went back.
  if (run.step() < found->second.step) found->second = {run.step(), now};
  const double seconds = std::chrono::duration<double>(now - found->second.time).count();
  const double steps = static_cast<double>(run.step() - found->second.step);
  if (fresh || seconds <= 1 || steps <= 0) return {};
  const double left = static_cast<double>(run.total_steps() - run.step() - 1);
  char rate[32];
  std::snprintf(rate, sizeof rate, "%.1f/s  ", steps / seconds);
  return rate + duration(left * seconds / steps) + " left";
}

std::string LiveView::run_line(const v1::Run& run, bool chosen, int columns, steady_clock::time_point now) {
  const double total = static_cast<double>(run.total_steps());
  const double done = static_cast<double>(run.step() + 1);
  const int bar_columns = columns >= 110 ? 24 : columns >= 80 ? 16 : 8;
  std::string steps =
      run.total_steps() > 0 ? std::to_string(run.step() + 1) + "/" + std::to_string(run.total_steps()) : "";
  const bool unhappy = is_final(run.state()) && run.state() != v1::RUN_STATE_SUCCEEDED;
  const std::string mark = chosen ? (terminal_.unicode ? "▸" : ">") : " ";
  return fitted({{mark + run.run_id(), 0},
                 {"seed " + std::to_string(run.seed()), 6},
                 {tinted(pad_right(state_name(run.state()), 9), state_colour(run.state())), 1},
                 {total > 0 ? bar(done / total, bar_columns, terminal_.unicode) : "", 5},
                 {steps, 2},
                 {pace(run, now), 4},
                 {metric(run, "train/loss", "loss"), 3},
                 {metric(run, "train/accuracy", "acc"), 7},
                 {metric(run, "test/accuracy", "test"), 7},
                 {unhappy ? run.reason().message() : "", 8}},
                static_cast<std::size_t>(columns));
}

std::vector<std::string> LiveView::run_lines(const RunFeed::View& view, const Details& details, int columns,
                                             int room, steady_clock::time_point now) {
  std::vector<const v1::Run*> order;
  if (static_cast<int>(view.runs.size()) <= room)
    for (const v1::Run& run : view.runs) order.push_back(&run);
  else
    order = by_interest(view.runs);
  const bool all = static_cast<int>(order.size()) <= room;
  const auto count = static_cast<std::size_t>(std::max(1, all ? room : room - 1));
  // The run in detail is among those that are shown.
  const auto chosen = std::find_if(order.begin(), order.end(),
                                   [&](const v1::Run* run) { return run->name() == details.run; });
  if (chosen != order.end() && chosen - order.begin() >= static_cast<std::ptrdiff_t>(count))
    std::iter_swap(chosen, order.begin() + static_cast<std::ptrdiff_t>(count) - 1);
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < order.size() && i < count; ++i)
    lines.push_back(run_line(*order[i], order.size() > 1 && order[i]->name() == details.run, columns, now));
  if (order.size() > count)
    lines.push_back((terminal_.unicode ? " … and " : " ... and ") +
                    plural(static_cast<std::int64_t>(order.size() - count), "more run"));
  return lines;
}

std::vector<std::string> LiveView::matrix_block(const Details& details, int columns) const {
  if (!details.matrix) return {};
  plots::HeatMap map = heat_map_of(*details.matrix);
  map.title += ", run " + id_of(details.run);
  if (!details.matrix->steps().empty())
    map.title += ", step " + std::to_string(*details.matrix->steps().rbegin());
  map.notes.clear();
  plots::TerminalOptions options;
  options.columns = columns;
  options.colour = terminal_.colour;
  options.ascii = !terminal_.unicode;
  return plots::terminal_lines(map, options);
}

std::vector<std::string> LiveView::curve_block(const Details& details, int columns, int room) const {
  const int count = static_cast<int>(details.curves.size());
  if (count == 0 || room < 1) return {};
  // With more rows than one, an empty line parts them.
  const int each = std::clamp((room + 1) / count - 1, 1, kHighestCurve);
  const int label = std::min(kKeyColumns, columns / 2 - kValueColumns);
  std::vector<std::string> lines;
  for (const SmallCurve& curve : details.curves) {
    if (static_cast<int>(lines.size()) + each > room) break;
    const auto drawn = plots::sparkline(curve.step, curve.value, std::max(1, columns - label - kValueColumns),
                                        each, !terminal_.unicode);
    for (std::size_t row = 0; row < drawn.size(); ++row) {
      std::string left;
      if (row + 1 == drawn.size())
        left = pad_right(plots::shortened(curve.key, static_cast<std::size_t>(std::max(4, label - 1)),
                                          !terminal_.unicode),
                         static_cast<std::size_t>(label)) +
               (curve.value.empty() ? "" : brief(curve.value.back()));
      lines.push_back(pad_right(left, static_cast<std::size_t>(label + kValueColumns)) +
                      tinted(drawn[row], kBlue));
    }
    if (each > 1 && static_cast<int>(lines.size()) < room) lines.push_back("");
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

std::vector<std::string> LiveView::panel(const Details& details, int columns, int room) const {
  const bool wide = columns >= kWide && !details.curves.empty();
  std::vector<std::string> left = matrix_block(details, wide ? columns / 2 : columns);
  const int count = static_cast<int>(details.curves.size());
  if (static_cast<int>(left.size()) + (wide ? 0 : count + 1) > room) left.clear();
  if (left.empty()) return curve_block(details, columns, room);
  if (!wide) {
    const auto below = curve_block(details, columns, room - static_cast<int>(left.size()) - 1);
    if (!below.empty()) left.push_back("");
    left.insert(left.end(), below.begin(), below.end());
    return left;
  }
  std::size_t widest = 0;
  for (const std::string& line : left) widest = std::max(widest, width(line));
  const auto right = curve_block(details, columns - static_cast<int>(widest) - kBlockGap, room);
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < std::max(left.size(), right.size()); ++i)
    lines.push_back(pad_right(i < left.size() ? left[i] : "", widest + kBlockGap) +
                    (i < right.size() ? right[i] : ""));
  return lines;
}

std::vector<std::string> LiveView::frame(const RunFeed::View& view, const Details& details, Size size,
                                         const std::string& remark, steady_clock::time_point now) {
  // The headline, an empty line, and the remark below.
  const int room = std::max(1, size.rows - 3);
  const int runs = static_cast<int>(view.runs.size());
  const int least = std::min(runs, kFewestRuns);
  auto below = panel(details, size.columns, room - least);
  if (!below.empty()) {
    // A matrix that leaves room for more runs gives it to them, curves do not grow into it.
    const int matrix = static_cast<int>(matrix_block(details, size.columns).size());
    const int wanted = std::min(runs, std::max(least, room / 3));
    if (matrix > 0 && wanted > least) below = panel(details, size.columns, room - wanted);
  }
  std::vector<std::string> lines{headline(view.runs)};
  const int left = std::max(1, room - static_cast<int>(below.size()));
  for (std::string& line : run_lines(view, details, size.columns, left, now))
    lines.push_back(std::move(line));
  if (!below.empty()) lines.push_back("");
  lines.insert(lines.end(), below.begin(), below.end());
  if (!remark.empty()) {
    while (static_cast<int>(lines.size()) + 1 < size.rows) lines.push_back("");
    lines.resize(static_cast<std::size_t>(std::max(1, size.rows - 1)));
    lines.push_back(tinted(remark, view.connected ? kFaint : kYellow));
  }
  for (std::string& line : lines) line = cut(line, static_cast<std::size_t>(size.columns));
  return lines;
}

}  // namespace hooke::cli
