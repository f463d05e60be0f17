#include "client/cli/text.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <ostream>

#include "client/cli/resources.h"
#include "client/cli/slurm.h"

namespace hooke::cli {
namespace {

using nlohmann::ordered_json;

Grid run_grid(const std::vector<v1::Run>& runs, bool for_people) {
  // "steps" is the whole length, "step" the last one stored (-1 before the first).
  Grid grid{{"run", "experiment", "state", "step", "steps", "seed", "worker"}, {}};
  const bool tasks =
      for_people && std::any_of(runs.begin(), runs.end(), [](const v1::Run& run) { return run.has_slurm(); });
  if (tasks) grid.header.push_back("slurm");
  for (const v1::Run& run : runs) {
    const bool hide_step = for_people && run.step() < 0;
    const bool hide_steps = for_people && run.total_steps() == 0;
    grid.rows.push_back({run.run_id(), experiment_of(run.name()), state_name(run.state()),
                         hide_step ? "-" : std::to_string(run.step()),
                         hide_steps ? "-" : std::to_string(run.total_steps()), std::to_string(run.seed()),
                         run.worker()});
    if (tasks) grid.rows.back().push_back(slurm_text(run));
  }
  return grid;
}

bool is_plain(const std::string& text) {
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0]))) return false;
  for (const char* word : {"true", "false", "null", "yes", "no", "on", "off", "nan", "inf"})
    if (text == word) return false;
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) {
                       return std::isalnum(c) || c == '_' || c == '-' || c == '/' || c == '.';
                     }) &&
         text[0] != '-' && text[0] != '.';
}

std::string flow(const ordered_json& node) {
  std::string text;
  if (node.is_object()) {
    for (const auto& [key, value] : node.items())
      text += (text.empty() ? "" : ", ") + key + ": " + flow(value);
    return "{" + text + "}";
  }
  if (node.is_array()) {
    for (const auto& value : node) text += (text.empty() ? "" : ", ") + flow(value);
    return "[" + text + "]";
  }
  if (node.is_string() && is_plain(node.get<std::string>())) return node.get<std::string>();
  return node.dump();
}

void append_block(const ordered_json& node, const std::string& indent, std::string& text) {
  for (const auto& [key, value] : node.items()) {
    text += indent + key + ":";
    if (value.is_object()) {
      text += "\n";
      append_block(value, indent + "  ", text);
    } else if (value.is_array() && !value.empty() && value[0].is_object()) {
      text += "\n";
      for (const auto& element : value) text += indent + "  - " + flow(element) + "\n";
    } else {
      text += " " + flow(value) + "\n";
    }
  }
}

}  // namespace

void print_runs(std::ostream& out, const std::vector<v1::Run>& runs, Format format) {
  switch (format) {
    case Format::kJson:
      return print_json_list(out, runs);
    case Format::kCsv:
      return print_csv(out, run_grid(runs, false));
    case Format::kTable:
      return print_table(out, run_grid(runs, true));
  }
}

void print_facts(std::ostream& out, const Grid& facts) {
  std::size_t longest = 0;
  for (const auto& row : facts.rows) longest = std::max(longest, width(row[0]));
  for (const auto& row : facts.rows) out << pad_right(row[0], longest) << "  " << row[1] << '\n';
}

std::string local_time(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0) return {};
  const std::time_t seconds = time.seconds();
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return text;
}

std::string duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "?";
  const auto whole = static_cast<long long>(std::llround(seconds));
  char text[48];
  if (whole < 3600)
    std::snprintf(text, sizeof text, "%lld:%02lld", whole / 60, whole % 60);
  else
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
  return text;
}

std::string bytes(std::int64_t count) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(count);
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < std::size(kUnits)) {
    value /= 1000;
    ++unit;
  }
  char text[48];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string yaml_text(const ordered_json& json) {
  std::string text;
  append_block(json, "", text);
  return text;
}

}  // namespace hooke::cli
