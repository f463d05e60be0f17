// Training with measuring off, as hooke-trainer does it, against a bare LibTorch loop.
#pragma once

#include <string>

namespace hooke::bench {

struct TrainOptions {
  std::string model = "cnn";
  int classes = 3;
  int threads = 1;
  int rounds = 3;
  int steps = 200;  // timed in each round
  std::string device = "cpu";
};

// Prints one line a round, and last `train overhead P % bare S s hooke S s`: seconds per step, medians
// over the rounds. Files go to a temporary folder that is removed.
int run_train(const TrainOptions& options);

}  // namespace hooke::bench
