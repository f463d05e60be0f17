// Writes one CSV file for each series: FOLDER/KEY.csv, so "train/loss" is FOLDER/train/loss.csv.
//
// Scalars: step,value. Matrices: one row for each cell of each step. Pairs: one row for each pair, its
// probes by their positions in the training file. Numbers at full precision, `nan`,
// `inf` and `-inf` spelt so. Rows that stand there already are kept up to the step that is resumed,
// without one none is. The rows of a step are in the file at its barrier. Errors are hooke::Error.
// One thread, the training's.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "worker/training/recorder.h"

namespace hooke::trainer {

class CsvRecorder : public training::Recorder {
 public:
  explicit CsvRecorder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  void start(const training::Facts& facts, const std::vector<training::MatrixSeries>& series) override;
  void scalars(std::int64_t step, const std::vector<std::pair<std::string, double>>& values) override;
  void matrix(std::int64_t step, const std::string& key, const engine::Matrix& matrix) override;
  void pairs(std::int64_t step, const std::string& key, const engine::Pairs& pairs) override;
  void barrier(std::int64_t step) override;
  void checkpoint(const training::State&) override {}
  void measuring(std::int64_t step, double share) override;

 private:
  std::ofstream& file(const std::string& key, const char* header);

  std::filesystem::path folder_;
  std::map<std::string, training::MatrixSeries> series_;  // by key
  std::vector<std::vector<std::int64_t>> probes_;         // as training::Facts::probes
  std::map<std::string, std::ofstream> files_;            // by key
  std::int64_t keep_up_to_ = -1;                          // rows of later steps are cut
};

}  // namespace hooke::trainer
