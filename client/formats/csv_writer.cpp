#include <google/protobuf/util/json_util.h>

#include <optional>

#include "client/formats/key_path.h"
#include "client/formats/numbers.h"
#include "client/formats/out_file.h"
#include "client/formats/run_writer.h"

namespace hooke::formats {
namespace {

namespace fs = std::filesystem;

constexpr const char* kScalarHeader = "step,value\n";
constexpr const char* kMatrixHeader =
    "step,responding,updated,mean,sd,count,skipped,ratio_of_means,nonfinite\n";
constexpr const char* kPairsHeader =
    "step,responding,responding_probe,updated,updated_probe,ratio,numerator,denominator\n";

std::string csv_quoted(const std::string& cell) {
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string text = "\"";
  for (const char c : cell) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + '"';
}

class CsvWriter : public RunWriter {
 public:
  explicit CsvWriter(fs::path folder) : folder_(std::move(folder)) {}

  void begin_run(const v1::Run& run) override {
    run_ = run;
    OutFile about(folder_ / run.run_id() / "run.json");
    about.write(json_line(run));
    about.close();
    index_.emplace(folder_ / run.run_id() / "series.jsonl");
  }

  void begin_series(const v1::ExportedSeries& series) override {
    series_ = series;
    index_->write(json_line(series));
    const auto& info = series_.info();
    file_.emplace(folder_ / run_.run_id() / (path_of_key(info.key()) + ".csv"));
    classes_.clear();
    for (const auto& name : info.class_names()) classes_.push_back(csv_quoted(name));
    switch (info.kind()) {
      case v1::SERIES_KIND_MATRIX:
        return file_->write(kMatrixHeader);
      case v1::SERIES_KIND_PAIRS:
        name_probes();
        return file_->write(kPairsHeader);
      default:
        return file_->write(kScalarHeader);
    }
  }

  void scalars(const v1::ExportedScalars& points) override {
    for (int i = 0; i < points.step_size(); ++i) {
      row_.clear();
      append_number(row_, points.step(i));
      row_ += ',';
      append_number(row_, points.value(i));
      row_ += '\n';
      file_->write(row_);
    }
  }

  void matrices(const v1::ExportedMatrices& points) override {
    for (int i = 0; i < points.step_size(); ++i) {
      const Planes planes(points.planes(i), classes_.size() * classes_.size());
      std::size_t cell = 0;
      for (const auto& responding : classes_)
        for (const auto& updated : classes_) write_cell(points.step(i), responding, updated, planes, cell++);
    }
  }

  void pairs(const v1::ExportedPairs& rows) override {
    const std::size_t m = probes_.size();
    const std::size_t count = rows.numerators().size() / sizeof(float);
    const bool each = rows.denominators().size() == rows.numerators().size();
    for (std::size_t i = 0; i < count; ++i) {
      const auto above = number_at<float>(rows.numerators(), i);
      const auto below = number_at<float>(rows.denominators(), each ? i : i % m);
      row_.clear();
      append_number(row_, rows.step());
      row_ += ',';
      row_ += probes_[static_cast<std::size_t>(rows.first_row()) + i / m];
      row_ += ',';
      row_ += probes_[i % m];
      row_ += ',';
      // A skipped pair has no ratio.
      if (below != 0 && std::isfinite(below)) append_number(row_, double{above} / double{below});
      row_ += ',';
      append_number(row_, above);
      row_ += ',';
      append_number(row_, below);
      row_ += '\n';
      file_->write(row_);
    }
  }

  void end_series() override {
    file_->close();
    file_.reset();
  }

  void end_run() override {
    index_->close();
    index_.reset();
  }

 private:
  void write_cell(std::int64_t step, const std::string& responding, const std::string& updated,
                  const Planes& planes, std::size_t cell) {
    row_.clear();
    append_number(row_, step);
    row_.append(",").append(responding).append(",").append(updated).append(",");
    append_number(row_, planes.mean(cell));
    row_ += ',';
    append_number(row_, planes.sd(cell));
    row_ += ',';
    append_number(row_, series_.eligible(static_cast<int>(cell)) - planes.skipped(cell));
    row_ += ',';
    append_number(row_, planes.skipped(cell));
    row_ += ',';
    append_number(row_, planes.ratio_of_means(cell));
    row_ += ',';
    append_number(row_, planes.nonfinite(cell));
    row_ += '\n';
    file_->write(row_);
  }

  // "ship,412": class and example; its number in the class where the run does not say the examples.
  void name_probes() {
    probes_.clear();
    const auto& sets = run_.provenance().probes();
    for (std::size_t c = 0; c < classes_.size(); ++c) {
      const auto at = static_cast<int>(c);
      const bool known = at < sets.size() && sets.Get(at).dataset_index_size() == series_.info().per_class();
      for (int i = 0; i < series_.info().per_class(); ++i)
        probes_.push_back(classes_[c] + ',' +
                          std::to_string(known ? sets.Get(at).dataset_index(i) : std::int64_t{i}));
    }
  }

  const fs::path folder_;
  v1::Run run_;
  v1::ExportedSeries series_;
  std::vector<std::string> classes_;  // quoted where CSV wants it
  std::vector<std::string> probes_;
  std::optional<OutFile> index_, file_;
  std::string row_;
};

}  // namespace

std::string json_line(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(message, &text, options);
  if (!status.ok()) throw Error(Code::kInternal, "cannot be written as JSON: " + status.ToString());
  return text + '\n';
}

std::unique_ptr<RunWriter> make_csv_writer(const fs::path& folder) {
  return std::make_unique<CsvWriter>(folder);
}

}  // namespace hooke::formats
