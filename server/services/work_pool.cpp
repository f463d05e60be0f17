#include "server/services/work_pool.h"

#include <utility>

namespace hooke::services {

WorkPool::WorkPool(std::size_t threads) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

WorkPool::~WorkPool() {
  stop();
}

void WorkPool::post(std::function<void()> job, std::chrono::milliseconds delay) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  jobs_.emplace(Clock::now() + delay, std::move(job));
  ready_.notify_one();
}

void WorkPool::stop() {
  std::multimap<Clock::time_point, std::function<void()>> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped.swap(jobs_);
    ready_.notify_all();
  }
  for (auto& thread : threads_)
    if (thread.joinable()) thread.join();
}

void WorkPool::work() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (jobs_.empty()) {
      ready_.wait(lock);
      continue;
    }
    const auto due = jobs_.begin()->first;
    if (Clock::now() < due) {
      ready_.wait_until(lock, due);
      continue;
    }
    auto job = std::move(jobs_.begin()->second);
    jobs_.erase(jobs_.begin());
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
}

}  // namespace hooke::services
