// Training with measuring off, as hooke-trainer does it, against a bare LibTorch loop; on several devices,
// with each minibatch split among them, against the first device alone.
#pragma once

#include <string>

namespace hooke::bench {

struct TrainOptions {
  std::string model = "cnn";
  int classes = 3;
  int threads = 1;
  int rounds = 3;
  int steps = 200;             // timed in each round
  std::string device = "cpu";  // several with commas
};

// Prints one line a round, and last `train overhead P % bare S s hooke S s`: seconds per step, medians
// over the rounds. With several devices `data_parallel speedup R one S s all S s
// max_relative_difference_of_loss D`, over all steps of both. Files go to a temporary folder that is removed.
int run_train(const TrainOptions& options);

}  // namespace hooke::bench
