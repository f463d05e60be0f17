// A few threads for the blocking reads of streams, so that gRPC's own callbacks never wait.
//
// Owned by server/app; thread-safe. Each stream has at most one job here, so the queue is bounded by
// the number of streams.
#pragma once

#include <absl/base/thread_annotations.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace hooke::services {

class WorkPool {
 public:
  explicit WorkPool(std::size_t threads);
  // Stops: see stop().
  ~WorkPool();

  // Runs `job` on one of the threads, not before `delay` has passed. A job must not throw. After
  // stop() it is dropped.
  void post(std::function<void()> job, std::chrono::milliseconds delay = {});

  // Drops what has not begun and waits for what has.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;
  void work();

  std::mutex mutex_;
  std::condition_variable ready_;
  std::multimap<Clock::time_point, std::function<void()>> jobs_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace hooke::services
