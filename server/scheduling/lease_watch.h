// LeaseWatch: takes lapsed leases as time goes by, and only such time in which workers could be heard.
//
// Leases are kept in the clock of the day, which can be set, and which goes on while the server is down, is
// stopped (SIGSTOP) or its machine sleeps. So when that clock has not moved from one look to the next as it
// should, every live lease is renewed for a full period instead of lapsing: a clock that jumps takes no
// lease, and keeps none for longer than a period. Used from one thread.
#pragma once

#include <cstdint>
#include <optional>

#include "server/scheduling/queue.h"

namespace hooke::scheduling {

class LeaseWatch {
 public:
  // `every`: how often look() will be called.
  LeaseWatch(Queue& queue, std::chrono::milliseconds every, storage::Clock clock);

  struct Seen {
    std::int64_t lapsed = 0;
    std::int64_t renewed = 0;  // for the clock had jumped, or stood still
    TimeUs moved_us = 0;       // how far the clock was moved since the last look; 0 for the first
  };
  // The first one renews all.
  Seen look();

 private:
  Queue& queue_;
  const TimeUs longest_us_;  // between two looks
  const storage::Clock clock_;
  std::optional<TimeUs> last_us_;
};

}  // namespace hooke::scheduling
