// Changes: after each commit, tells subscribers which runs have changed, so that watchers and tails
// wake up and read a new snapshot. It carries no data and no order: only "look again".
//
// Owned by server/app, outlives the Writer (which publishes) and is thread-safe. Changes of one
// run coalesce until they are taken; past Subscription::kMaxRuns a subscriber is told `everything`
// instead, so a slow one costs a bounded amount of memory.
//
// Lock order: Changes' mutex, then a Subscription's. No lock is held while `wake` is called.
#pragma once

#include <absl/base/thread_annotations.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "proto/hooke/ids.h"

namespace hooke::storage {

// What changed, as bits.
enum ChangeBits : unsigned {
  kStateChanged = 1,     // the run itself: state, attempt, tags, note …; or a new run
  kPointsChanged = 2,    // points were added; the run's step and latest values moved
  kPointsTruncated = 4,  // points were removed: a new attempt has started
};

struct Change {
  RunId run;
  ExperimentId experiment;
  unsigned bits = kStateChanged;
};

class Changes {
 public:
  // What a subscriber wants to hear of; both empty: everything.
  struct Filter {
    std::set<RunId> runs;
    std::set<ExperimentId> experiments;
  };

  // What has changed since it was last taken.
  struct Batch {
    std::map<RunId, Change> runs;
    // Too much has changed to say: any run may have.
    bool everything = false;
    // The hub was stopped; nothing more will come.
    bool stopped = false;
    bool empty() const { return runs.empty() && !everything && !stopped; }
  };

  class Subscription {
   public:
    static constexpr std::size_t kMaxRuns = 1024;

    // What has changed so far, at once; may be empty.
    Batch take();
    // Waits until something has changed or the hub was stopped; empty when `timeout` has passed.
    Batch wait(std::chrono::milliseconds timeout);

   private:
    friend class Changes;
    Subscription(Filter filter, std::function<void()> wake);
    bool add(const Change& change);
    void stop();
    Batch take_locked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

    const Filter filter_;
    const std::function<void()> wake_;
    std::mutex mutex_;
    std::condition_variable ready_;
    Batch pending_ ABSL_GUARDED_BY(mutex_);
  };

  // Hears of every change that is committed after this returns: subscribe first, then read.
  // Ends with the last owner of the Subscription. `wake`, when given, is called from the writer's
  // thread whenever a batch goes from empty to not empty; it must not block, throw or take locks
  // that are held while calling in here.
  std::shared_ptr<Subscription> subscribe(Filter filter, std::function<void()> wake = {});

  // Tells the subscribers. Called by the Writer after each commit.
  void publish(const std::vector<Change>& changes);

  // Wakes every waiter with `stopped`, now and for ever.
  void stop();

 private:
  std::vector<std::shared_ptr<Subscription>> alive() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::mutex mutex_;
  std::vector<std::weak_ptr<Subscription>> subscriptions_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace hooke::storage
