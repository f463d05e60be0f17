#include "server/scheduling/lease_watch.h"

#include <algorithm>
#include <utility>

namespace hooke::scheduling {
namespace {

// A worker is heard of every third of a period, so this much more takes no lease that is kept.
TimeUs longest(std::chrono::milliseconds period, std::chrono::milliseconds every) {
  return std::chrono::microseconds(std::max(period / 3, 3 * every)).count();
}

}  // namespace

LeaseWatch::LeaseWatch(Queue& queue, std::chrono::milliseconds every, storage::Clock clock)
    : queue_(queue), longest_us_(longest(queue.options().lease_period, every)), clock_(std::move(clock)) {}

// The clock may be set at any moment, so `now` is read before anything is done by it: leases that are
// renewed after that only expire later.
LeaseWatch::Seen LeaseWatch::look() {
  const TimeUs now = clock_();
  Seen seen;
  if (last_us_) seen.moved_us = now - *last_us_;
  if (!last_us_ || seen.moved_us < 0 || seen.moved_us > longest_us_) {
    seen.renewed = queue_.renew_all();
  } else {
    seen.lapsed = queue_.sweep(now);
  }
  last_us_ = now;  // not when the above throws: what was not renewed is to be, next time
  return seen;
}

}  // namespace hooke::scheduling
