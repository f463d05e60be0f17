// The streams that are open, so that the server can end them when it stops. Thread-safe.
#pragma once

#include <absl/base/thread_annotations.h>

#include <memory>
#include <mutex>
#include <vector>

namespace hooke::services {

// A stream that can be ended from outside, by any thread, more than once.
class Stoppable {
 public:
  virtual ~Stoppable() = default;
  // Ends with UNAVAILABLE, so that the client comes back.
  virtual void stop() = 0;
};

class OpenStreams {
 public:
  static constexpr std::size_t kMost = 1000;

  // False when there are too many, or the server is stopping: the stream is to be refused.
  bool add(const std::shared_ptr<Stoppable>& stream) {
    const std::lock_guard lock(mutex_);
    std::erase_if(streams_, [](const auto& one) { return one.expired(); });
    if (stopped_ || streams_.size() >= kMost) return false;
    streams_.push_back(stream);
    return true;
  }

  void stop() {
    std::vector<std::weak_ptr<Stoppable>> streams;
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
      streams.swap(streams_);
    }
    for (const auto& one : streams)
      if (const auto stream = one.lock()) stream->stop();
  }

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<Stoppable>> streams_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace hooke::services
