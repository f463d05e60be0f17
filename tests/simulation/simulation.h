// Simulation: one seed. A server, workers, users and a storm of faults, in which what must never break is
// compared after every commit; then a calm, in which every run must come to its end with its whole curve.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "tests/simulation/totals.h"

namespace hooke::simulation {

struct Options {
  std::uint64_t seed = 1;
  std::int64_t steps = 10'000;  // of the storm; the calm takes what it takes
  bool trace = false;
  std::filesystem::path folder;  // a real one, empty, for the server's lock
};

struct Outcome {
  Totals totals;
  // What broke, and at which step; absent: nothing.
  std::optional<std::string> violation;
};

Outcome simulate(const Options& options);

}  // namespace hooke::simulation
