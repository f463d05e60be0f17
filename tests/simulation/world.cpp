#include "tests/simulation/world.h"

#include <cstdio>

namespace hooke::simulation {

World::ProcessId World::begin_process() {
  living_.insert(++last_process_);
  return last_process_;
}

void World::after(TimeUs delay, ProcessId owner, std::function<void()> what) {
  events_.emplace(std::pair(now_ + delay, next_++), Event{owner, std::move(what)});
}

bool World::step() {
  if (events_.empty()) return false;
  auto first = events_.extract(events_.begin());
  if (!lives(first.mapped().owner)) return true;
  now_ = first.key().first;
  ++totals.steps;
  first.mapped().what();
  return true;
}

void World::note(const std::string& line) {
  if (!trace_) return;
  std::printf("%8llu %12.6f  %s\n", static_cast<unsigned long long>(totals.steps),
              static_cast<double>(now_ - 1'700'000'000 * kSecond) / kSecond, line.c_str());
}

}  // namespace hooke::simulation
