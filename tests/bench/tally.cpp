#include "tests/bench/tally.h"

#include <algorithm>
#include <cctype>
#include <sstream>

namespace hooke::bench {
namespace {

// Numbers, ids and the word after "run" differ from call to call.
std::string kind_of(const std::string& message) {
  std::istringstream words(message);
  std::string kind, before;
  for (std::string word; words >> word; before = word) {
    const bool differs = before == "run" || std::any_of(word.begin(), word.end(),
                                                        [](unsigned char c) { return std::isdigit(c); });
    kind += (kind.empty() ? "" : " ") + (differs ? "…" : word);
  }
  return kind;
}

const char* name_of(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return "DEADLINE_EXCEEDED";
    case grpc::StatusCode::FAILED_PRECONDITION:
      return "FAILED_PRECONDITION";
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return "RESOURCE_EXHAUSTED";
    case grpc::StatusCode::UNAVAILABLE:
      return "UNAVAILABLE";
    case grpc::StatusCode::INTERNAL:
      return "INTERNAL";
    default:
      return "another code";
  }
}

}  // namespace

void Tally::latency(const std::string& call, double seconds) {
  const std::lock_guard lock(mutex_);
  if (timing_) latencies_[call].push_back(static_cast<float>(seconds));
}

void Tally::error(const std::string& call, const grpc::Status& status) {
  const std::string head =
      call + ": " + name_of(status.error_code()) + " (" + std::to_string(status.error_code()) + "): ";
  const std::lock_guard lock(mutex_);
  if (ended_) return;
  ++errors_[head + kind_of(status.error_message())];
  if (!first_error_) first_error_ = head + status.error_message();
}

void Tally::begin() {
  const std::lock_guard lock(mutex_);
  latencies_.clear();
  timing_ = true;
}

void Tally::end() {
  const std::lock_guard lock(mutex_);
  timing_ = false;
  ended_ = true;
}

std::vector<double> Tally::quantiles(const std::string& call, const std::vector<double>& shares) {
  const std::lock_guard lock(mutex_);
  std::vector<float>& all = latencies_[call];
  if (all.empty()) return {};
  std::sort(all.begin(), all.end());
  std::vector<double> values;
  for (const double share : shares)
    values.push_back(
        all[std::min(all.size() - 1, static_cast<std::size_t>(share * static_cast<double>(all.size())))]);
  return values;
}

std::map<std::string, std::int64_t> Tally::errors() {
  const std::lock_guard lock(mutex_);
  return errors_;
}

std::optional<std::string> Tally::first_error() {
  const std::lock_guard lock(mutex_);
  return first_error_;
}

}  // namespace hooke::bench
