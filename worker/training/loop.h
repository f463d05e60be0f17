// The training loop. Owns data, net, optimiser state and engine; its owner calls it from one
// thread. With LibTorch types, for train.cpp and for tests that look at weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "worker/engine/engine.h"
#include "worker/models/net.h"
#include "worker/training/minibatch.h"
#include "worker/training/references.h"
#include "worker/training/train.h"

namespace hooke::training {

// A split on the device.
struct Split {
  at::Tensor inputs;   // [examples][...]
  at::Tensor labels;   // int64 [examples]; of a regression all 0
  at::Tensor targets;  // what the loss takes: labels, or rows of outputs (one-hot for classes)
};

class Loop {
 public:
  // Loads data and makes the net; goes on from `resume` when there is one. Errors as train().
  Loop(const Config& config, const RunOptions& options, const State* resume = nullptr);

  Outcome run(Recorder& recorder, const std::atomic<bool>& stop);

  const models::Net& net() const { return *net_; }
  const Facts& facts() const { return facts_; }

 private:
  using Values = std::vector<std::pair<std::string, double>>;  // series key, value

  void refuse_for_regression() const;
  void refuse_for_binary() const;
  void note_facts();
  void choose_probes();
  void refuse_too_many_pairs() const;
  void refuse_size_steps() const;
  std::vector<engine::Update> make_updates() const;
  void make_engine(const std::vector<std::int64_t>& positions);
  engine::StepRule rule(double lr) const;
  std::vector<MatrixSeries> series() const;
  void add_size_series(std::vector<MatrixSeries>& all) const;
  std::string description(const engine::Update& update) const;
  std::string key(engine::Measure measure, const engine::Update& update) const;
  std::string key(const engine::Result& result) const { return key(result.measure, updates_[result.update]); }
  engine::Grouping grouping() const;
  at::Tensor batch_inputs(std::int64_t epoch, std::span<const std::int64_t> positions,
                          const at::Tensor& index) const;
  void train_step(std::int64_t step, Values& values);
  void evaluate(Values& values) const;
  bool is_evaluated(std::int64_t step) const;
  bool is_checkpointed(std::int64_t step) const;
  bool is_time_for_checkpoint() const;
  // What was measured after one step.
  struct Measured {
    std::vector<engine::Result> results;
    std::vector<engine::SizeScan> scans;
  };
  template <typename Work>
  auto watched(std::int64_t step, Recorder& recorder, Work work);
  // Nothing when stopped.
  std::optional<Measured> measure(std::int64_t step, Recorder& recorder, const std::atomic<bool>& stop);
  std::vector<std::pair<std::string, const engine::Matrix*>> size_matrices(
      const std::vector<engine::SizeScan>& scans) const;
  bool advance(Recorder& recorder, const std::atomic<bool>& stop);
  void record(std::int64_t step, const Measured& measured, Recorder& recorder);
  void secure(Recorder& recorder);
  State state() const;
  void restore(const State& state);

  Config config_;
  RunOptions options_;
  std::vector<at::Device> devices_;  // the first trains, with data_parallel all
  Facts facts_;
  data::DataSet data_;  // without inputs that are on the device for good
  Split train_, test_;
  std::shared_ptr<models::Net> net_;
  engine::Weights weights_;  // of net_
  engine::StepState state_;
  std::optional<Replicas> replicas_;  // of net_; none when one device trains
  std::vector<engine::Update> updates_;
  std::optional<References> references_;  // none when nothing is measured
  std::optional<engine::Engine> engine_;  // likewise
  std::int64_t batch_ = 0;
  std::int64_t steps_per_epoch_ = 0;
  std::vector<std::int64_t> order_;  // positions of the current epoch
  std::int64_t completed_ = -1;      // last completed step
  Values unrecorded_;                // of the step after that, when it is trained but not measured
  std::int64_t barrier_ = -1;        // step of the last barrier
  std::int64_t checkpoint_ = -1;     // step of the last checkpoint
  std::chrono::steady_clock::time_point secured_;         // when that was written
  std::chrono::steady_clock::duration securing_time_{0};  // how long it took
};

}  // namespace hooke::training
