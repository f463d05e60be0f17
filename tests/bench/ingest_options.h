// bench_ingest's command line.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/bench/simulate.h"

namespace hooke::bench {

struct IngestOptions {
  std::vector<int> streams = {1, 10, 100, 1000};
  std::int64_t rows = 1'000'000;
  int idle = 1000;
  bool floats = false;
  SimulateOptions simulate;  // without workers: not asked for
};

// Throws std::runtime_error that says how it is used. Ends the program after --help.
IngestOptions parse_ingest_options(int argc, char** argv);

}  // namespace hooke::bench
