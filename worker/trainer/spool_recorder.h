// Writes what a training tells to the spool file, and progress to a stream.
//
// Owned by main; one thread, the training's. The file is on disk after every barrier, at the end,
// and about once a second in between.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

#include "worker/spool/spool.h"
#include "worker/training/recorder.h"

namespace hooke::trainer {

class SpoolRecorder : public training::Recorder {
 public:
  // Creates `path`. Throws hooke::Error (kAlreadyExists) when there is one.
  SpoolRecorder(const std::filesystem::path& path, std::ostream& progress);

  void start(const training::Facts& facts, const std::vector<training::MatrixSeries>& series) override;
  void scalars(std::int64_t step, const std::vector<std::pair<std::string, double>>& values) override;
  void matrix(std::int64_t step, const std::string& key, const engine::Matrix& matrix) override;
  void barrier(std::int64_t step) override;

  // The last record. None is written when the training was stopped: it may go on later.
  void succeed();
  void fail(const std::string& message);
  void sync() { writer_.sync(); }

 private:
  using Clock = std::chrono::steady_clock;

  void append_json(const std::string& text);
  void append(spool::Kind kind, const std::string& payload);
  void report(std::int64_t step, const std::vector<std::pair<std::string, double>>& values);

  spool::Writer writer_;
  std::ostream& progress_;
  Clock::time_point started_, synced_, reported_;
  std::int64_t total_steps_ = 0;
};

}  // namespace hooke::trainer
