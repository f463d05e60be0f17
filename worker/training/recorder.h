// What a training tells the world. Implemented by the trainer (spool, CSV, progress) and by tests.
//
// A training calls it from its own thread: start() once, then for each completed step, in order,
// scalars(), matrix() and pairs() for each series if the step is measured, barrier() if the step is
// evaluated or a checkpoint is due, checkpoint() if one is. measuring() comes about once a second while
// a measurement lasts, with the share of it that is done, before anything of its step.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/engine/measures.h"
#include "worker/training/state.h"

namespace hooke::training {

// What is needed, beside the configuration, to make the run again.
struct Facts {
  std::string libtorch_version;
  std::string device;
  int measuring_threads = 0;
  int training_threads = 0;
  std::string data_path;                                    // empty for generated data
  std::map<std::string, std::uint32_t> data_checksums;      // file name to CRC-32 of the stored bytes
  std::vector<std::string> class_names;                     // of a regression the one name "all"
  std::vector<std::int64_t> train_examples, test_examples;  // per class
  std::vector<std::vector<std::int64_t>> probes;            // per class: positions in the training file
  std::int64_t parameters = 0;                              // trainable numbers
  std::int64_t seed = 0;
  std::int64_t total_steps = 0;
  std::optional<std::int64_t> resume_step;  // last completed step of the state that is resumed
};

// A series of matrices or of tables of pairs, one at each measured step. A regression has no matrices:
// its S are scalars.
struct MatrixSeries {
  std::string key;  // "elasticity/kl@small"
  std::vector<std::string> class_names;
  std::vector<std::int64_t> eligible;  // pairs per cell, row-major [responding][updated]
  std::string description;             // "Adam, fresh state, lr 0.001"
  std::size_t per_class = 0;           // of pairs: probes of each class; of matrices 0
};

class Recorder {
 public:
  virtual ~Recorder() = default;
  virtual void start(const Facts& facts, const std::vector<MatrixSeries>& series) = 0;
  virtual void scalars(std::int64_t step, const std::vector<std::pair<std::string, double>>& values) = 0;
  virtual void matrix(std::int64_t step, const std::string& key, const engine::Matrix& matrix) = 0;
  virtual void pairs(std::int64_t step, const std::string& key, const engine::Pairs& pairs) = 0;
  virtual void barrier(std::int64_t step) = 0;
  virtual void checkpoint(const State& state) = 0;  // of the last barrier's step
  virtual void measuring(std::int64_t step, double share) = 0;
};

}  // namespace hooke::training
