#include <cmath>
#include <limits>
#include <optional>

#include "client/formats/event.pb.h"
#include "client/formats/numbers.h"
#include "client/formats/out_file.h"
#include "client/formats/record_file.h"
#include "client/formats/run_writer.h"

namespace hooke::formats {
namespace {

namespace fs = std::filesystem;

// Scalars as `simple_value`: what every TensorBoard and every reader of event files knows. It is a float32,
// which is also what TensorBoard's own server keeps of a double.
class EventWriter : public RunWriter {
 public:
  explicit EventWriter(fs::path folder) : folder_(std::move(folder)) {}

  bool takes_pairs() const override { return false; }
  bool takes_figures() const override { return true; }

  void begin_run(const v1::Run& run) override {
    const fs::path folder = folder_ / run.run_id();
    OutFile about(folder / "run.json");
    about.write(json_line(run));
    about.close();
    const std::int64_t seconds = run.create_time().seconds();
    char name[64];
    std::snprintf(name, sizeof name, "events.out.tfevents.%010lld.hooke", static_cast<long long>(seconds));
    file_.emplace(folder / name);
    event::Event first;
    first.set_wall_time(static_cast<double>(seconds));
    first.set_file_version("brain.Event:2");
    write(first);
  }

  void begin_series(const v1::ExportedSeries& series) override {
    const auto& info = series.info();
    tags_ = {info.key()};
    cells_ = 0;
    if (info.kind() != v1::SERIES_KIND_MATRIX) return;
    tags_.clear();
    for (const char* plane : {"", ".ratio"})
      for (const auto& responding : info.class_names())
        for (const auto& updated : info.class_names())
          tags_.push_back(info.key() + plane + "[" + responding + "," + updated + "]");
    cells_ = tags_.size() / 2;
    tags_.insert(tags_.end(), series.figure_keys().begin(), series.figure_keys().end());
  }

  void scalars(const v1::ExportedScalars& points) override {
    for (int i = 0; i < points.step_size(); ++i) {
      begin(points.step(i), points.time_us(i));
      add(0, tags_[0], points.value(i));
      end(1);
    }
  }

  void matrices(const v1::ExportedMatrices& points) override {
    const std::size_t figures = tags_.size() - 2 * cells_;
    for (int i = 0; i < points.step_size(); ++i) {
      const Planes planes(points.planes(i), cells_);
      begin(points.step(i), points.time_us(i));
      int at = 0;
      for (std::size_t c = 0; c < cells_; ++c) add(at++, tags_[c], planes.mean(c));
      for (std::size_t c = 0; c < cells_; ++c) add(at++, tags_[cells_ + c], planes.ratio_of_means(c));
      for (std::size_t f = 0; f < figures; ++f)
        add(at++, tags_[2 * cells_ + f],
            points.figures(static_cast<int>(static_cast<std::size_t>(i) * figures + f)));
      end(at);
    }
  }

  void pairs(const v1::ExportedPairs&) override {}
  void end_series() override {}

  void end_run() override {
    file_->close();
    file_.reset();
  }

  std::string remark() const override {
    std::string text = "TensorBoard's scalars are float32: " + std::to_string(rounded_) + " of " +
                       std::to_string(values_) + " values were rounded";
    if (overflowed_ > 0) text += ", " + std::to_string(overflowed_) + " of them to an infinity";
    return text + "; of matrices it has means, ratios of means and figures, and no pairs";
  }

 private:
  void begin(std::int64_t step, std::int64_t time_us) {
    event_.set_step(step);
    event_.set_wall_time(static_cast<double>(time_us) / 1e6);
  }

  // Number `at` of the event's values; a message that is used again keeps its memory.
  void add(int at, const std::string& tag, double value) {
    auto& values = *event_.mutable_summary()->mutable_value();
    auto& to = at < values.size() ? *values.Mutable(at) : *values.Add();
    to.set_tag(tag);
    const auto single = static_cast<float>(value);
    to.set_simple_value(single);
    ++values_;
    if (std::isfinite(value) && double{single} != value) ++rounded_;
    if (std::isfinite(value) && std::isinf(single)) ++overflowed_;
  }
  void end(int count) {
    auto& values = *event_.mutable_summary()->mutable_value();
    while (values.size() > count) values.RemoveLast();
    write(event_);
  }

  void write(const event::Event& event) {
    event.SerializeToString(&bytes_);
    record_.clear();
    append_record(record_, bytes_);
    file_->write(record_);
  }

  const fs::path folder_;
  std::optional<OutFile> file_;
  std::vector<std::string> tags_;  // of a matrix: means, ratios, figures
  std::size_t cells_ = 0;
  event::Event event_;
  std::string bytes_, record_;
  std::int64_t values_ = 0, rounded_ = 0, overflowed_ = 0;
};

}  // namespace

std::unique_ptr<RunWriter> make_event_writer(const fs::path& folder) {
  return std::make_unique<EventWriter>(folder);
}

}  // namespace hooke::formats
