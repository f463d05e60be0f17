// bench_measure's command line.
#pragma once

#include <string>

namespace hooke::bench {

struct MeasureOptions {
  std::string model = "cnn";
  int classes = 3;
  int per_class = 20;
  int threads = 2;
  int rounds = 3;
  int naive_probes = 0;  // of each class that the naive procedure updates in a round; 0: all
  std::string device = "cpu";
  int batch = 0;         // updates side by side; 0: as the engine chooses
  bool engine = false;   // no naive procedure
  bool train = false;    // training instead of measuring
  bool forward = false;  // one prediction instead
  int steps = 200;       // of training, in a round
  bool naive = false;    // the child
};

// Throws hooke::Error (kInvalidArgument) that says how it is used. Ends the program after --help.
MeasureOptions parse_measure_options(int argc, char** argv);

}  // namespace hooke::bench
