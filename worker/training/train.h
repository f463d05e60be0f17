// Trains and measures as a configuration says. No LibTorch types here.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include "worker/training/config.h"
#include "worker/training/recorder.h"

namespace hooke::training {

struct RunOptions {
  std::string device = "cpu";  // as LibTorch names it: "cpu", "cuda:0"
  int measuring_threads = 1;   // never changes a bit of the results
  int training_threads = 1;    // the bits of a training are promised for the same number
  std::vector<std::filesystem::path> data_roots;
};

enum class Outcome {
  kFinished,
  kStopped,  // `stop` became true: at a step's end, or inside a measurement, which is dropped
};

// One training from its beginning. Throws hooke::Error for what the configuration or the data have
// wrong, before recorder.start(); after it, what LibTorch or the recorder throws. Sets the
// process's numbers of threads. One training at a time in a process.
Outcome train(const Config& config, const RunOptions& options, Recorder& recorder,
              const std::atomic<bool>& stop);

}  // namespace hooke::training
