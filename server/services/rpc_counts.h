// How many RPCs have ended, how, and how long they took, since start.
//
// Thread-safe.
#pragma once

#include <absl/base/thread_annotations.h>

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace hooke::services {

class RpcCounts {
 public:
  // `method` as on the wire; `code` as "OK". Streams last as long as their callers like: they are
  // counted, their time is not.
  void add(const std::string& method, const std::string& code, bool unary, double seconds);

  // In Prometheus's text format.
  std::string text() const;

 private:
  // Upper bounds of the buckets, seconds.
  static constexpr std::array<double, 10> kBounds = {0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 60};

  struct Times {
    std::array<std::int64_t, kBounds.size()> within{};  // not longer than the bound
    std::int64_t count = 0;
    double seconds = 0;
  };

  mutable std::mutex mutex_;
  std::map<std::string, std::map<std::string, std::int64_t>> codes_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Times> times_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hooke::services
