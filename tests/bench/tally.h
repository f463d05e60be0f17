// What a fleet of simulated workers did and saw. Thread-safe.
#pragma once

#include <grpcpp/support/status.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace hooke::bench {

class Tally {
 public:
  // Running sums. Points: rows of a database.
  std::atomic<std::int64_t> acknowledged{0}, batches{0}, bytes{0};
  std::atomic<std::int64_t> leased{0}, finished{0};  // runs

  // Notes a call's latency, of those in the measured window.
  void latency(const std::string& call, double seconds);
  // Notes a failed call.
  void error(const std::string& call, const grpc::Status& status);

  // Forgets latencies and begins to note them.
  void begin();
  // Notes nothing more, errors included: what follows is the end of the test.
  void end();

  // Seconds at these shares of the calls, each in [0, 1]; empty when there was none.
  std::vector<double> quantiles(const std::string& call, const std::vector<double>& shares);
  // By "call: code: message", with what differs from worker to worker left out.
  std::map<std::string, std::int64_t> errors();
  // The one that came first, in full.
  std::optional<std::string> first_error();

 private:
  std::mutex mutex_;
  bool timing_ = false, ended_ = false;
  std::map<std::string, std::vector<float>> latencies_;
  std::map<std::string, std::int64_t> errors_;
  std::optional<std::string> first_error_;
};

}  // namespace hooke::bench
