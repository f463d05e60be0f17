#include "server/gateway/watch.h"

#include <poll.h>

#include <utility>
#include <vector>

namespace hooke::gateway {

Watch::Guard::Guard(Watch& watch, int descriptor, std::function<void()> cancel) : watch_(watch) {
  const std::lock_guard lock(watch_.mutex_);
  entry_ = watch_.entries_.insert(watch_.entries_.end(), {descriptor, std::move(cancel)});
}

Watch::Guard::~Guard() {
  const std::lock_guard lock(watch_.mutex_);
  watch_.entries_.erase(entry_);
}

void Watch::look() {
  const std::lock_guard lock(mutex_);
  std::vector<pollfd> polls;
  for (const auto& entry : entries_) polls.push_back({entry.descriptor, POLLRDHUP, 0});
  if (polls.empty() || ::poll(polls.data(), polls.size(), 0) <= 0) return;
  auto poll = polls.begin();
  for (const auto& entry : entries_)
    if ((poll++)->revents != 0) entry.cancel();
}

void Watch::cancel_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& entry : entries_) entry.cancel();
}

}  // namespace hooke::gateway
