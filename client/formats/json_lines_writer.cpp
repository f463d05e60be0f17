#include "client/formats/numbers.h"
#include "client/formats/out_file.h"
#include "client/formats/run_writer.h"

namespace hooke::formats {
namespace {

// As protobuf's JSON has them.
template <class Number>
void append_json(std::string& to, Number value) {
  if constexpr (std::is_floating_point_v<Number>) {
    if (std::isnan(value)) {
      to += "\"NaN\"";
      return;
    }
    if (std::isinf(value)) {
      to += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
      return;
    }
  }
  append_number(to, value);
}

template <class Number, class At>
void append_list(std::string& to, const char* name, std::size_t count, At at) {
  to.append(",\"").append(name).append("\":[");
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) to += ',';
    append_json<Number>(to, at(i));
  }
  to += ']';
}

std::string json_quoted(const std::string& text) {
  std::string to = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') to += '\\';
    to += c;  // a key is printable
  }
  return to + '"';
}

class JsonLinesWriter : public RunWriter {
 public:
  explicit JsonLinesWriter(const std::filesystem::path& file) : file_(file) {}

  void begin_run(const v1::Run& run) override {
    run_ = json_quoted(run.run_id());
    file_.write("{\"type\":\"run\",\"run\":");
    write_object(json_line(run));
  }

  void begin_series(const v1::ExportedSeries& series) override {
    cells_ = static_cast<std::size_t>(series.info().class_names_size()) *
             static_cast<std::size_t>(series.info().class_names_size());
    key_ = json_quoted(series.info().key());
    file_.write("{\"type\":\"series\",\"run\":" + run_ + ",\"series\":");
    write_object(json_line(series));
  }

  void scalars(const v1::ExportedScalars& points) override {
    const std::string head = head_of("scalar");
    for (int i = 0; i < points.step_size(); ++i) {
      begin(head, points.step(i), points.time_us(i));
      line_ += ",\"value\":";
      append_json(line_, points.value(i));
      end();
    }
  }

  void matrices(const v1::ExportedMatrices& points) override {
    const std::string head = head_of("matrix");
    for (int i = 0; i < points.step_size(); ++i) {
      const Planes planes(points.planes(i), cells_);
      begin(head, points.step(i), points.time_us(i));
      append_list<float>(line_, "mean", cells_, [&](std::size_t c) { return planes.mean(c); });
      append_list<float>(line_, "sd", cells_, [&](std::size_t c) { return planes.sd(c); });
      append_list<float>(line_, "ratio_of_means", cells_,
                         [&](std::size_t c) { return planes.ratio_of_means(c); });
      append_list<std::uint32_t>(line_, "skipped", cells_, [&](std::size_t c) { return planes.skipped(c); });
      append_list<std::uint32_t>(line_, "nonfinite", cells_,
                                 [&](std::size_t c) { return planes.nonfinite(c); });
      end();
    }
  }

  void pairs(const v1::ExportedPairs& rows) override {
    begin(head_of("pairs"), rows.step(), rows.time_us());
    line_ += ",\"first_row\":";
    append_json(line_, rows.first_row());
    for (const auto& [name, bytes] :
         {std::pair("numerators", &rows.numerators()), std::pair("denominators", &rows.denominators())})
      append_list<float>(line_, name, bytes->size() / sizeof(float),
                         [&, from = bytes](std::size_t i) { return number_at<float>(*from, i); });
    end();
  }

  void end_series() override {}
  void end_run() override {}
  void close() override { file_.close(); }

 private:
  std::string head_of(const char* type) const {
    return std::string("{\"type\":\"") + type + "\",\"run\":" + run_ + ",\"key\":" + key_ + ",\"step\":";
  }
  void begin(const std::string& head, std::int64_t step, std::int64_t time_us) {
    line_ = head;
    append_number(line_, step);
    line_ += ",\"time_us\":";
    append_number(line_, time_us);
  }
  void end() {
    line_ += "}\n";
    file_.write(line_);
  }
  // `line` ends with a line break.
  void write_object(std::string line) {
    line.replace(line.size() - 1, 1, "}\n");
    file_.write(line);
  }

  OutFile file_;
  std::string run_, key_;  // quoted
  std::size_t cells_ = 0;
  std::string line_;
};

}  // namespace

std::unique_ptr<RunWriter> make_json_lines_writer(const std::filesystem::path& file) {
  return std::make_unique<JsonLinesWriter>(file);
}

}  // namespace hooke::formats
