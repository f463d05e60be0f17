#include "client/slurm/jobs.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <sstream>

#include "client/process/program.h"
#include "proto/hooke/error.h"

namespace hooke::slurm {
namespace {

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

// The value of the first " KEY=VALUE" of a line of scontrol, up to a space; empty for "(null)".
std::string field(const std::string& line, const std::string& key) {
  const std::string wanted = " " + key + "=";
  const std::string padded = " " + line;
  const auto at = padded.find(wanted);
  if (at == std::string::npos) return {};
  const auto begin = at + wanted.size();
  const std::string value = padded.substr(begin, padded.find(' ', begin) - begin);
  return value == "(null)" || value == "N/A" ? std::string() : value;
}

std::string with_reason(const std::string& state, const std::string& reason) {
  return reason.empty() || reason == "None" ? state : state + " (" + reason + ")";
}

// Throws for a controller that does not answer; false when it knows no such job.
bool ask_scontrol(const std::string& id, std::map<std::string, Job>& jobs) {
  const std::vector<std::string> command{"scontrol", "-o", "show", "job", id};
  const process::Output output = process::run_program(command);
  if (output.status == 0) {
    jobs.merge(parse_scontrol(output.out));
    return true;
  }
  if (output.err.find("Invalid job id") != std::string::npos) return false;
  throw Error(Code::kUnavailable, "cannot ask Slurm: " + process::complaint(command, output));
}

}  // namespace

std::map<std::string, Job> parse_scontrol(const std::string& text) {
  std::map<std::string, Job> jobs;
  for (const std::string& line : split(text, '\n')) {
    Job job;
    job.state = with_reason(field(line, "JobState"), field(line, "Reason"));
    if (job.state.empty()) continue;
    job.restart_count = number(field(line, "Restarts")).value_or(0);
    job.nodes = field(line, "NodeList");
    const std::string array = field(line, "ArrayJobId");
    if (array.empty()) {
      job.id = field(line, "JobId");
      if (!job.id.empty()) jobs[job.id] = job;
      continue;
    }
    const auto indices = parse_indices(field(line, "ArrayTaskId"));
    if (indices.empty()) jobs[array] = job;  // the rest of an array, all of it cancelled before a start
    for (const int index : indices) {
      job.id = array + "_" + std::to_string(index);
      jobs[job.id] = job;
    }
  }
  return jobs;
}

std::map<std::string, Job> parse_sacct(const std::string& text) {
  std::map<std::string, Job> jobs;
  for (const std::string& line : split(text, '\n')) {
    const auto cells = split(line, '|');
    if (cells.size() < 2 || cells[0].empty() || cells[1].empty()) continue;
    Job job;
    job.state = cells[1];
    if (cells.size() > 2 && cells[2] != "None assigned") job.nodes = cells[2];
    // Tasks that wait stand together, as "12_[3-4,7%2]".
    const auto bracket = cells[0].find("_[");
    if (bracket == std::string::npos) {
      job.id = cells[0];
      jobs[job.id] = job;
      continue;
    }
    std::string indices = cells[0].substr(bracket + 2);
    if (!indices.empty() && indices.back() == ']') indices.pop_back();
    for (const int index : parse_indices(indices)) {
      job.id = cells[0].substr(0, bracket) + "_" + std::to_string(index);
      jobs[job.id] = job;
    }
  }
  return jobs;
}

std::vector<int> parse_indices(const std::string& text) {
  constexpr int kMost = 10'000'000;
  // Of a longer list one entry for the whole array does: its tasks wait for the same reason.
  constexpr std::size_t kMostIndices = 10'000;
  std::vector<int> indices;
  for (const std::string& part : split(text.substr(0, text.find('%')), ',')) {
    const auto dash = part.find('-');
    const auto first = number(part.substr(0, dash));
    std::string rest = dash == std::string::npos ? part : part.substr(dash + 1);
    const auto colon = rest.find(':');  // "0-8:2": every second
    const auto step = colon == std::string::npos ? 1 : number(rest.substr(colon + 1)).value_or(0);
    const auto last = number(rest.substr(0, colon));
    if (!first || !last || step < 1 || step > kMost || *last > kMost) return {};
    const int count = *last < *first ? 0 : (*last - *first) / step + 1;
    if (indices.size() + static_cast<std::size_t>(count) > kMostIndices) return {};
    for (int index = *first; index <= *last; index += step) indices.push_back(index);
  }
  return indices;
}

std::string array_of(const std::string& job_id) {
  return job_id.substr(0, job_id.find('_'));
}

std::string config_value(const std::string& text, const std::string& key) {
  for (const std::string& line : split(text, '\n')) {
    const auto equals = line.find('=');
    if (equals == std::string::npos) continue;
    std::string name = line.substr(0, equals);
    name.erase(name.find_last_not_of(' ') + 1);
    const auto begin = line.find_first_not_of(' ', equals + 1);
    if (name == key) return begin == std::string::npos ? std::string() : line.substr(begin);
  }
  return {};
}

std::optional<long> parse_time(const std::string& text) {
  const auto dash = text.find('-');
  long days = 0;
  std::string rest = text;
  if (dash != std::string::npos) {
    const auto given = number(text.substr(0, dash));
    if (!given) return std::nullopt;
    days = *given;
    rest = text.substr(dash + 1);
  }
  std::vector<long> parts;
  for (const std::string& part : split(rest, ':')) {
    const auto value = number(part);
    if (!value) return std::nullopt;
    parts.push_back(*value);
  }
  if (parts.empty() || parts.size() > 3 || rest.back() == ':') return std::nullopt;
  const bool from_hours = dash != std::string::npos || parts.size() == 3;
  if (!from_hours) parts.insert(parts.begin(), 0);  // minutes come first
  parts.resize(3, 0);
  return ((days * 24 + parts[0]) * 60 + parts[1]) * 60 + parts[2];
}

Cluster this_cluster() {
  const std::vector<std::string> command{"scontrol", "show", "config"};
  const process::Output output = process::run_program(command);
  const std::string name = config_value(output.out, "ClusterName");
  if (output.status != 0 || name.empty())
    throw Error(Code::kUnavailable, "cannot ask Slurm: " + process::complaint(command, output));
  return {name, config_value(output.out, "PrivateData").find("jobs") != std::string::npos};
}

std::map<std::string, Job> find_jobs(const std::vector<std::string>& ids) {
  std::set<std::string> arrays;
  for (const std::string& id : ids) arrays.insert(array_of(id));
  std::map<std::string, Job> known;
  for (const std::string& array : arrays) ask_scontrol(array, known);
  std::string lost;
  for (const std::string& id : ids)
    if (!known.contains(id)) lost += (lost.empty() ? "" : ",") + id;
  if (!lost.empty()) {
    // Many clusters keep no accounts; then sacct says nothing that helps.
    const process::Output accounts =
        process::run_program({"sacct", "-n", "-P", "-X", "-j", lost, "-o", "JobID,State,NodeList"});
    if (accounts.status == 0) known.merge(parse_sacct(accounts.out));
  }
  std::map<std::string, Job> jobs;
  for (const std::string& id : ids) {
    auto found = known.find(id);
    if (found == known.end()) found = known.find(array_of(id));
    jobs[id] = found != known.end() ? found->second : Job{id, 0, {}, kUnknown};
  }
  return jobs;
}

}  // namespace hooke::slurm
