// Thousands of simulated workers in one process: each with a connection of its own, all on one thread of
// this class and gRPC's few.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "tests/bench/recording.h"
#include "tests/bench/simulated_worker.h"
#include "tests/bench/tally.h"

namespace hooke::bench {

struct FleetOptions {
  int workers = 0;
  double speed = 1;                   // see SimulatedWorker
  std::chrono::milliseconds ramp{0};  // they begin one after another within this time
};

class Fleet {
 public:
  using Connect = std::function<std::shared_ptr<grpc::Channel>()>;

  // Starts them. Worker n plays recording n modulo their number. `recordings` and `tally` outlive it.
  Fleet(const FleetOptions& options, const std::vector<Recording>& recordings, const Connect& connect,
        Tally& tally);
  // Stops: see stop().
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  // Ends every call and waits until none is under way.
  void stop();
  // Of all workers.
  std::vector<Played> played();

 private:
  using Clock = SimulatedWorker::Clock;

  void wake(std::size_t worker, Clock::time_point at);
  void run();

  std::vector<std::unique_ptr<SimulatedWorker>> workers_;

  std::mutex mutex_;  // taken after a worker's; of what follows
  std::condition_variable earlier_;
  std::set<std::pair<Clock::time_point, std::size_t>> alarms_;  // one of a worker at most
  std::vector<Clock::time_point> alarm_of_;                     // in alarms_; max(): none
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace hooke::bench
