// Looks after callers who close their connection while a call is being served: the call is cancelled.
//
// Thread-safe. A half-closed connection counts as closed.
#pragma once

#include <absl/base/thread_annotations.h>

#include <functional>
#include <list>
#include <memory>
#include <mutex>

namespace hooke::gateway {

class Watch {
 public:
  // Watches until it is destroyed, which must be before the descriptor is closed.
  class Guard {
   public:
    Guard(Watch& watch, int descriptor, std::function<void()> cancel);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    struct Entry {
      int descriptor;
      std::function<void()> cancel;
    };
    friend class Watch;
    Watch& watch_;
    std::list<Entry>::iterator entry_;
  };

  // To be called now and then: cancels the calls of those who have gone.
  void look();
  // Cancels all.
  void cancel_all();

 private:
  std::mutex mutex_;
  std::list<Guard::Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hooke::gateway
