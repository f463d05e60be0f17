// Exports: runs as files that other programs read. One writer for each format.
//
// A RunWriter belongs to one thread and gets what QueryService.ExportRun sends, in that order. Memory is
// bounded whatever the run's size. Every call throws hooke::Error when a file cannot be written; what was
// written by then is incomplete (Staging hides it).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "hooke/v1/query.pb.h"

namespace hooke::formats {

enum class ExportFormat { kCsv, kJsonLines, kNpz, kTensorBoard };

class RunWriter {
 public:
  virtual ~RunWriter() = default;

  virtual void begin_run(const v1::Run& run) = 0;
  virtual void begin_series(const v1::ExportedSeries& series) = 0;
  virtual void scalars(const v1::ExportedScalars& points) = 0;
  virtual void matrices(const v1::ExportedMatrices& points) = 0;
  virtual void pairs(const v1::ExportedPairs& rows) = 0;
  virtual void end_series() = 0;
  virtual void end_run() = 0;
  // After the last run.
  virtual void close() {}

  // Whether it takes tables of pairs, and whether it wants the figures of matrices.
  virtual bool takes_pairs() const { return true; }
  virtual bool takes_figures() const { return false; }
  // What the user should know of what was written, as what it lost; empty: nothing was.
  virtual std::string remark() const { return {}; }
};

// Folders PATH/RUN of CSV files: one for each series (key_path.h), run.json, series.jsonl.
std::unique_ptr<RunWriter> make_csv_writer(const std::filesystem::path& folder);
// One file, one JSON object a line.
std::unique_ptr<RunWriter> make_json_lines_writer(const std::filesystem::path& file);
// Files PATH/RUN.npz of arrays for numpy.load; or `file`, of the only run, when it is not empty.
std::unique_ptr<RunWriter> make_npz_writer(const std::filesystem::path& folder, const std::string& file);
// Folders PATH/RUN with an event file for TensorBoard, and run.json. Values become float32.
std::unique_ptr<RunWriter> make_event_writer(const std::filesystem::path& folder);

// A message as one line of JSON, zeros included; NaN and infinities are strings there.
std::string json_line(const google::protobuf::Message& message);

}  // namespace hooke::formats
