// Several recorders as one: each hears everything, in the order given. One thread; owns none.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "worker/training/recorder.h"

namespace hooke::trainer {

class FanOut : public training::Recorder {
 public:
  explicit FanOut(std::vector<training::Recorder*> recorders) : recorders_(std::move(recorders)) {}

  void start(const training::Facts& facts, const std::vector<training::MatrixSeries>& series) override {
    for (auto* one : recorders_) one->start(facts, series);
  }
  void scalars(std::int64_t step, const std::vector<std::pair<std::string, double>>& values) override {
    for (auto* one : recorders_) one->scalars(step, values);
  }
  void matrix(std::int64_t step, const std::string& key, const engine::Matrix& matrix) override {
    for (auto* one : recorders_) one->matrix(step, key, matrix);
  }
  void pairs(std::int64_t step, const std::string& key, const engine::Pairs& pairs) override {
    for (auto* one : recorders_) one->pairs(step, key, pairs);
  }
  void barrier(std::int64_t step) override {
    for (auto* one : recorders_) one->barrier(step);
  }
  void checkpoint(const training::State& state) override {
    for (auto* one : recorders_) one->checkpoint(state);
  }
  void measuring(std::int64_t step, double share) override {
    for (auto* one : recorders_) one->measuring(step, share);
  }

 private:
  std::vector<training::Recorder*> recorders_;
};

}  // namespace hooke::trainer
