#include "client/cli/live_view.h"

#include <algorithm>
#include <cstdio>
#include <ostream>

#include "client/cli/output.h"
#include "client/cli/resources.h"
#include "client/cli/text.h"

namespace hooke::cli {
namespace {

using std::chrono::duration_cast;
using std::chrono::steady_clock;

constexpr int kBarColumns = 24;
// Headline, blank lines, the note on hidden runs and the cursor's own line.
constexpr int kReservedLines = 6;

std::string metric(const v1::Run& run, const char* key, const char* name) {
  const auto value = latest(run, key);
  return value ? std::string("  ") + name + " " + brief(*value) : "";
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

}  // namespace

std::string bar(double done, int columns) {
  const int full = static_cast<int>(std::clamp(done, 0.0, 1.0) * columns);
  std::string text;
  for (int i = 0; i < columns; ++i) text += i < full ? "█" : "░";
  return text;
}

std::string cut(const std::string& line, std::size_t columns) {
  std::size_t used = 0;
  std::string text;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\x1b') {
      while (i < line.size() && line[i] != 'm') text += line[i++];
      if (i < line.size()) text += line[i];
      continue;
    }
    const bool starts = (static_cast<unsigned char>(line[i]) & 0xC0) != 0x80;
    if (starts && used++ == columns) return text + (text.find('\x1b') == std::string::npos ? "" : "\x1b[0m");
    text += line[i];
  }
  return text;
}

std::string LiveView::run_line(const v1::Run& run, steady_clock::time_point now) {
  std::string line = pad_right(run.run_id(), 8) + " seed " + pad_right(std::to_string(run.seed()), 3) + " " +
                     pad_right(state_name(run.state()), 9);
  const double total = static_cast<double>(run.total_steps());
  const double done = static_cast<double>(run.step() + 1);
  if (run.total_steps() > 0) {
    line += " " + bar(done / total, kBarColumns) + " " + std::to_string(run.step() + 1) + "/" +
            std::to_string(run.total_steps());
  }
  if (run.state() == v1::RUN_STATE_RUNNING) {
    const auto [found, fresh] = starts_.try_emplace(run.name(), Start{run.step(), now});
    // An attempt that resumed went back.
    if (run.step() < found->second.step) found->second = {run.step(), now};
    const double seconds = std::chrono::duration<double>(now - found->second.time).count();
    const double steps = static_cast<double>(run.step() - found->second.step);
    if (!fresh && seconds > 1 && steps > 0) {
      char rate[32];
      std::snprintf(rate, sizeof rate, "  %.1f/s", steps / seconds);
      line += rate + std::string("  ") + duration((total - done) * seconds / steps) + " left";
    }
  }
  line += metric(run, "train/loss", "loss") + metric(run, "train/accuracy", "acc") +
          metric(run, "test/accuracy", "test");
  if (is_final(run.state()) && run.state() != v1::RUN_STATE_SUCCEEDED) line += "  " + run.reason().message();
  return line;
}

std::string LiveView::headline(const RunFeed::View& view) const {
  std::map<std::string, int> counts;
  for (const v1::Run& run : view.runs) ++counts[state_name(run.state())];
  std::vector<std::string> parts;
  for (const auto& [state, count] : counts) parts.push_back(std::to_string(count) + " " + state);
  std::string text = experiment_of(view.runs.front().name()) + ": " + enumerate(parts);
  if (!view.connected) text += "   (the server is away; waiting for it)";
  return text;
}

void LiveView::draw(const RunFeed::View& view, const std::optional<v1::GetInfluenceResponse>& matrix,
                    steady_clock::time_point now) {
  std::vector<std::string> below;
  if (matrix) {
    below = {"", caption(*matrix)[0], ""};
    for (const std::string& line : matrix_lines(*matrix, terminal_.colour)) below.push_back(line);
  }
  const int room = std::max(1, terminal_.rows - kReservedLines - static_cast<int>(below.size()));
  std::vector<std::string> lines{headline(view)};
  int shown = 0;
  for (const v1::Run* run : by_interest(view.runs)) {
    if (shown++ < room) lines.push_back(run_line(*run, now));
  }
  if (shown > room) lines.push_back("… and " + plural(shown - room, "more run"));
  lines.insert(lines.end(), below.begin(), below.end());
  // A terminal too low for the matrix gets what fits: scrolled lines could not be redrawn.
  if (lines.size() >= static_cast<std::size_t>(terminal_.rows)) lines.resize(std::max(1, terminal_.rows - 1));

  std::string frame;
  if (drawn_ > 0) frame += "\x1b[" + std::to_string(drawn_) + "A\r";
  for (const std::string& line : lines)
    frame += cut(line, static_cast<std::size_t>(terminal_.columns)) + "\x1b[K\n";
  frame += "\x1b[J";
  out_ << frame << std::flush;
  drawn_ = lines.size();
}

}  // namespace hooke::cli
