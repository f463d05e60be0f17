// What has happened in simulations, for people to see that their faults did.
#pragma once

#include <cstdint>
#include <iosfwd>

namespace hooke::simulation {

struct Totals {
  std::int64_t seeds = 0, steps = 0, runs = 0, attempts = 0;
  std::int64_t server_kills = 0, server_power_losses = 0, server_stops = 0;
  std::int64_t worker_kills = 0, worker_power_losses = 0, trainer_kills = 0, stops = 0;
  std::int64_t cuts = 0, calls_lost = 0, calls_repeated = 0, late_batches = 0;
  std::int64_t failed_syncs = 0, failed_writes = 0, full_writes = 0, lost_writes = 0;
  std::int64_t commits = 0, fenced = 0;
  std::int64_t resumed = 0, resent = 0, begun_again = 0;
  std::int64_t acknowledged = 0, lost = 0, duplicated = 0, compared = 0;

  Totals& operator+=(const Totals& other);
};

// As lines of words and figures.
std::ostream& operator<<(std::ostream& out, const Totals& totals);

}  // namespace hooke::simulation
