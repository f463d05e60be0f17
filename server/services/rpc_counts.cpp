#include "server/services/rpc_counts.h"

#include <fmt/format.h>

#include <iterator>

namespace hooke::services {

void RpcCounts::add(const std::string& method, const std::string& code, bool unary, double seconds) {
  const std::lock_guard lock(mutex_);
  ++codes_[method][code];
  if (!unary) return;
  Times& times = times_[method];
  for (std::size_t i = 0; i < kBounds.size(); ++i) times.within[i] += seconds <= kBounds[i] ? 1 : 0;
  ++times.count;
  times.seconds += seconds;
}

std::string RpcCounts::text() const {
  std::string text =
      "# HELP hooke_rpcs_total RPCs that have ended, by method and gRPC status.\n"
      "# TYPE hooke_rpcs_total counter\n";
  const auto out = std::back_inserter(text);
  const std::lock_guard lock(mutex_);
  for (const auto& [method, codes] : codes_)
    for (const auto& [code, count] : codes)
      fmt::format_to(out, "hooke_rpcs_total{{method=\"{}\",code=\"{}\"}} {}\n", method, code, count);
  text +=
      "# HELP hooke_rpc_duration_seconds How long unary RPCs took.\n"
      "# TYPE hooke_rpc_duration_seconds histogram\n";
  for (const auto& [method, times] : times_) {
    for (std::size_t i = 0; i < kBounds.size(); ++i)
      fmt::format_to(out, "hooke_rpc_duration_seconds_bucket{{method=\"{}\",le=\"{}\"}} {}\n", method,
                     kBounds[i], times.within[i]);
    fmt::format_to(out,
                   "hooke_rpc_duration_seconds_bucket{{method=\"{0}\",le=\"+Inf\"}} {1}\n"
                   "hooke_rpc_duration_seconds_sum{{method=\"{0}\"}} {2}\n"
                   "hooke_rpc_duration_seconds_count{{method=\"{0}\"}} {1}\n",
                   method, times.count, times.seconds);
  }
  return text;
}

}  // namespace hooke::services
