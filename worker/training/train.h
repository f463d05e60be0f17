// Trains and measures as a configuration says. No LibTorch types here.
#pragma once

#include <atomic>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "worker/training/config.h"
#include "worker/training/recorder.h"

namespace hooke::training {

struct RunOptions {
  // As LibTorch names them: "cpu", "cuda:0,cuda:1". The first trains (with training.data_parallel all), all
  // measure (a net that is not known layer by layer: the first).
  std::string device = "cpu";
  int update_batch = 0;       // measured updates side by side on a device; 0: by its memory, on the CPU one
  int measuring_threads = 1;  // never changes a bit of the results
  int training_threads = 1;   // the bits of a training are promised for the same number
  std::vector<std::filesystem::path> data_roots;
  bool allow_torchscript = false;  // runs programs that configurations name
  // Beside those that the configuration asks for, a checkpoint whenever this long has passed since the
  // last; later when writing them would take more than about 1 % of the time. 0: none.
  int checkpoint_seconds = 0;
};

enum class Outcome {
  kFinished,
  // `stop` became true: seen at a step's end, or inside a measurement, which is dropped and made
  // again by whoever resumes. A barrier and a checkpoint of the last completed step were recorded.
  kStopped,
};

// One training, from its beginning or from `resume` on: then everything that follows has the same
// bits as if it had never been interrupted. Throws hooke::Error for what the configuration, the data
// or the state have wrong, before recorder.start(); after it, what LibTorch or the recorder throws.
// Sets the process's numbers of threads. One training at a time in a process.
Outcome train(const Config& config, const RunOptions& options, std::optional<State> resume,
              Recorder& recorder, const std::atomic<bool>& stop);

}  // namespace hooke::training
