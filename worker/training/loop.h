// The training loop. Owns data, net, optimiser state and engine; its owner calls it from one
// thread. With LibTorch types, for train.cpp and for tests that look at weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "worker/engine/engine.h"
#include "worker/models/net.h"
#include "worker/training/train.h"

namespace hooke::training {

// A split on the device.
struct Split {
  at::Tensor inputs;   // [examples][...]
  at::Tensor labels;   // int64 [examples]
  at::Tensor targets;  // what the loss takes: labels, or one-hot rows
};

class Loop {
 public:
  // Loads data and makes the net; errors as train().
  Loop(const Config& config, const RunOptions& options);

  Outcome run(Recorder& recorder, const std::atomic<bool>& stop);

  const models::Net& net() const { return *net_; }
  const Facts& facts() const { return facts_; }

 private:
  struct Score {
    double loss = 0;
    double accuracy = 0;
  };

  void choose_probes(const data::DataSet& data);
  std::vector<engine::Update> make_updates() const;
  void make_engine(const std::vector<std::int64_t>& positions);
  engine::StepRule rule(double lr) const;
  std::vector<MatrixSeries> series() const;
  std::string key(engine::Measure measure, const engine::Update& update) const;
  Score train_step(std::int64_t step);
  Score evaluate() const;
  bool is_evaluated(std::int64_t step) const;
  // False when it was stopped.
  bool measure(std::int64_t step, Recorder& recorder, const std::atomic<bool>& stop);

  Config config_;
  RunOptions options_;
  Facts facts_;
  models::Shape shape_;
  Split train_, test_;
  std::shared_ptr<models::Net> net_;
  engine::Weights weights_;  // of net_
  engine::StepState state_;
  std::vector<engine::Update> updates_;
  std::optional<engine::Engine> engine_;  // none when nothing is measured
  std::int64_t batch_ = 0;
  std::int64_t steps_per_epoch_ = 0;
  at::Tensor order_;  // of the current epoch
};

}  // namespace hooke::training
