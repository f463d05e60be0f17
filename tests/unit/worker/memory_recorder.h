// A recorder that keeps what a training tells.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "worker/training/recorder.h"

namespace hooke::tests {

// Keeps everything, in order.
struct Memory : training::Recorder {
  training::Facts facts;
  std::vector<training::MatrixSeries> series;
  std::map<std::string, std::vector<std::pair<std::int64_t, double>>> points;
  std::vector<std::pair<std::int64_t, std::string>> measured;  // step, key
  std::vector<engine::Matrix> matrices;
  std::vector<std::pair<std::pair<std::int64_t, std::string>, engine::Pairs>> tables;  // step, key
  std::vector<std::int64_t> barriers;
  std::vector<training::State> checkpoints;
  std::function<void(std::int64_t)> on_scalars = [](std::int64_t) {};

  void start(const training::Facts& f, const std::vector<training::MatrixSeries>& s) override {
    facts = f;
    series = s;
  }
  void scalars(std::int64_t step, const std::vector<std::pair<std::string, double>>& values) override {
    for (const auto& [key, value] : values) points[key].emplace_back(step, value);
    on_scalars(step);
  }
  void matrix(std::int64_t step, const std::string& key, const engine::Matrix& matrix) override {
    measured.emplace_back(step, key);
    matrices.push_back(matrix);
  }
  void pairs(std::int64_t step, const std::string& key, const engine::Pairs& pairs) override {
    tables.emplace_back(std::make_pair(step, key), pairs);
  }
  void barrier(std::int64_t step) override { barriers.push_back(step); }
  void checkpoint(const training::State& state) override { checkpoints.push_back(state); }
  void measuring(std::int64_t, double) override {}

  std::vector<std::int64_t> steps(const std::string& key) const {
    std::vector<std::int64_t> result;
    for (const auto& [step, value] : points.at(key)) result.push_back(step);
    return result;
  }
};

}  // namespace hooke::tests
