// How many workers a server carries: fleets of simulated workers, one larger than the other, each on a
// server of its own.
#pragma once

#include <filesystem>
#include <vector>

namespace hooke::bench {

struct SimulateOptions {
  std::vector<int> workers;
  std::filesystem::path from;  // folder with kept spools; empty: one run is recorded
  double speed = 1;            // times the recorded pace; 0: as fast as acknowledgements allow
  double seconds = 20;         // measured, after all have begun
  double ramp_s = -1;          // within which they begin; below 0: one run's length
};

// Prints what each fleet did and saw, and what broke first; the last line is for programs. Returns 1 when
// something acknowledged was lost, else 0.
int run_simulation(const SimulateOptions& options);

}  // namespace hooke::bench
