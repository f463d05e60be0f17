// Lines on a stream for a person who watches: what runs, how far it is, how long it will take.
// One thread, the training's.
#pragma once

#include <chrono>
#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

#include "worker/training/recorder.h"

namespace hooke::trainer {

class Progress : public training::Recorder {
 public:
  explicit Progress(std::ostream& out) : out_(out), started_(Clock::now()) {}

  void start(const training::Facts& facts, const std::vector<training::MatrixSeries>& series) override;
  void scalars(std::int64_t step, const std::vector<std::pair<std::string, double>>& values) override;
  void matrix(std::int64_t, const std::string&, const engine::Matrix&) override {}
  void pairs(std::int64_t, const std::string&, const engine::Pairs&) override {}
  void barrier(std::int64_t) override {}
  void checkpoint(const training::State&) override {}
  void measuring(std::int64_t step, double share) override;

  void done();

 private:
  using Clock = std::chrono::steady_clock;

  std::ostream& out_;
  Clock::time_point started_;   // of the first step of this program
  Clock::time_point reported_;  // the last line
  std::int64_t first_step_ = 0, total_steps_ = 0;
};

}  // namespace hooke::trainer
