#include "server/storage/changes.h"

#include <algorithm>
#include <utility>

namespace hooke::storage {

Changes::Subscription::Subscription(Filter filter, std::function<void()> wake)
    : filter_(std::move(filter)), wake_(std::move(wake)) {}

Changes::Batch Changes::Subscription::take_locked() {
  const bool stopped = pending_.stopped;
  Batch batch = std::exchange(pending_, {});
  pending_.stopped = stopped;
  return batch;
}

Changes::Batch Changes::Subscription::take() {
  const std::lock_guard lock(mutex_);
  return take_locked();
}

Changes::Batch Changes::Subscription::wait(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  ready_.wait_for(lock, timeout, [this] { return !pending_.empty(); });
  return take_locked();
}

// Whether the batch was empty before and is not now.
bool Changes::Subscription::add(const Change& change) {
  const bool all = filter_.runs.empty() && filter_.experiments.empty();
  if (!all && !filter_.runs.contains(change.run) && !filter_.experiments.contains(change.experiment))
    return false;
  const std::lock_guard lock(mutex_);
  const bool was_empty = pending_.empty();
  if (!pending_.everything) {
    const auto [place, added] = pending_.runs.try_emplace(change.run, change);
    if (!added) place->second.bits |= change.bits;
    if (pending_.runs.size() > kMaxRuns) {
      pending_.runs.clear();
      pending_.everything = true;
    }
  }
  if (was_empty) ready_.notify_all();
  return was_empty;
}

void Changes::Subscription::stop() {
  {
    const std::lock_guard lock(mutex_);
    pending_.stopped = true;
    ready_.notify_all();
  }
  if (wake_) wake_();
}

std::shared_ptr<Changes::Subscription> Changes::subscribe(Filter filter, std::function<void()> wake) {
  std::shared_ptr<Subscription> subscription(new Subscription(std::move(filter), std::move(wake)));
  {
    const std::lock_guard lock(mutex_);
    if (!stopped_) {
      subscriptions_.push_back(subscription);
      return subscription;
    }
  }
  subscription->stop();
  return subscription;
}

std::vector<std::shared_ptr<Changes::Subscription>> Changes::alive() {
  std::vector<std::shared_ptr<Subscription>> found;
  std::erase_if(subscriptions_, [&found](const std::weak_ptr<Subscription>& weak) {
    auto subscription = weak.lock();
    if (subscription) found.push_back(std::move(subscription));
    return weak.expired();
  });
  return found;
}

void Changes::publish(const std::vector<Change>& changes) {
  if (changes.empty()) return;
  std::vector<std::shared_ptr<Subscription>> subscriptions;
  {
    const std::lock_guard lock(mutex_);
    subscriptions = alive();
  }
  for (const auto& subscription : subscriptions) {
    bool woken = false;
    for (const auto& change : changes) woken |= subscription->add(change);
    if (woken && subscription->wake_) subscription->wake_();
  }
}

void Changes::stop() {
  std::vector<std::shared_ptr<Subscription>> subscriptions;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    subscriptions = alive();
  }
  for (const auto& subscription : subscriptions) subscription->stop();
}

}  // namespace hooke::storage
