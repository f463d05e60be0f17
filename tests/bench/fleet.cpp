#include "tests/bench/fleet.h"

#include <algorithm>
#include <string>

namespace hooke::bench {

Fleet::Fleet(const FleetOptions& options, const std::vector<Recording>& recordings, const Connect& connect,
             Tally& tally) {
  const auto count = static_cast<std::size_t>(options.workers);
  alarm_of_.assign(count, Clock::time_point::max());
  for (std::size_t n = 0; n < count; ++n)
    workers_.push_back(std::make_unique<SimulatedWorker>(
        "simulated-" + std::to_string(n), connect(),
        SimulatedWorker::Part{recordings[n % recordings.size()], options.speed, tally,
                              [this, n] { wake(n, Clock::now()); }}));
  const auto start = Clock::now();
  for (std::size_t n = 0; n < count; ++n) wake(n, start + options.ramp * n / count);
  thread_ = std::thread([this] { run(); });
}

Fleet::~Fleet() {
  stop();
}

// An earlier alarm takes the place of a later one.
void Fleet::wake(std::size_t worker, Clock::time_point at) {
  const std::lock_guard lock(mutex_);
  Clock::time_point& alarm = alarm_of_[worker];
  if (at >= alarm) return;
  alarms_.erase({alarm, worker});
  alarm = at;
  alarms_.emplace(at, worker);
  if (alarms_.begin()->second == worker) earlier_.notify_one();
}

void Fleet::run() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (alarms_.empty()) {
      earlier_.wait(lock);
      continue;
    }
    const auto [at, worker] = *alarms_.begin();
    if (Clock::now() < at) {
      earlier_.wait_until(lock, at);
      continue;
    }
    alarms_.erase(alarms_.begin());
    alarm_of_[worker] = Clock::time_point::max();
    lock.unlock();
    const auto next = workers_[worker]->advance(Clock::now());
    if (next) wake(worker, *next);
    lock.lock();
  }
}

void Fleet::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  earlier_.notify_one();
  if (thread_.joinable()) thread_.join();
  for (auto& worker : workers_) worker->stop();
  for (auto& worker : workers_)
    while (!worker->idle()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

std::vector<Played> Fleet::played() {
  std::vector<Played> all;
  for (auto& worker : workers_) {
    const auto of_worker = worker->played();
    all.insert(all.end(), of_worker.begin(), of_worker.end());
  }
  return all;
}

}  // namespace hooke::bench
