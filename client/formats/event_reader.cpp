#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "client/formats/event.pb.h"
#include "client/formats/import_reader.h"
#include "client/formats/numbers.h"
#include "client/formats/record_file.h"
#include "proto/hooke/error.h"
#include "proto/hooke/import.h"

namespace hooke::formats {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMark = "tfevents";  // is in the name of every event file
constexpr int kFloat = 1, kDouble = 2;     // tensorflow.DataType
constexpr double kUsPerSecond = 1e6;

struct Point {
  std::int64_t step = 0;
  std::int64_t time_us = 0;
  double value = 0;
  std::uint32_t file = 0;
};

// Of one run, by tag.
using Series = std::map<std::string, std::vector<Point>>;

std::optional<double> scalar_of(const event::Value& value) {
  if (value.has_simple_value()) return value.simple_value();
  const auto& tensor = value.tensor();
  if (!value.has_tensor() || tensor.tensor_shape().dim_size() > 0) return std::nullopt;
  const std::string& content = tensor.tensor_content();
  if (tensor.dtype() == kFloat) {
    if (content.size() == sizeof(float)) return number_at<float>(content, 0);
    if (tensor.float_val_size() == 1) return tensor.float_val(0);
  }
  if (tensor.dtype() == kDouble) {
    if (content.size() == sizeof(double)) return number_at<double>(content, 0);
    if (tensor.double_val_size() == 1) return tensor.double_val(0);
  }
  return std::nullopt;
}

class EventFiles {
 public:
  EventFiles(std::vector<fs::path> paths, const Remark& remark) : paths_(std::move(paths)), remark_(remark) {}

  Series read() {
    for (std::uint32_t i = 0; i < paths_.size(); ++i) read_file(i);
    for (auto& [tag, points] : series_) merge(tag, points);
    say_left_out();
    return std::move(series_);
  }

 private:
  void read_file(std::uint32_t number) {
    RecordReader records(paths_[number]);
    std::map<std::string, std::int64_t> last;  // step of each tag in this file
    std::string bytes;
    event::Event event;
    while (records.next(bytes)) {
      const auto where = [&] {
        return paths_[number].string() + ", byte " + std::to_string(records.offset());
      };
      if (!event.ParseFromString(bytes)) throw Error(Code::kDataLoss, where() + ": the record is no event");
      for (const auto& value : event.summary().value()) {
        const auto scalar = scalar_of(value);
        if (!scalar) {
          ++left_out_[value.tag()];
          continue;
        }
        check(value.tag(), event, last, where);
        if (++points_ > kMaxImportPoints)
          throw Error(Code::kResourceExhausted, where() + ": an import has at most " +
                                                    std::to_string(kMaxImportPoints) +
                                                    " points; import it in parts");
        series_[value.tag()].push_back({event.step(), time_of(event), *scalar, number});
      }
    }
    if (records.torn() > 0)
      remark_(paths_[number].string() + " ends in a record that is not whole: its last " +
              std::to_string(records.torn()) + " bytes, from byte " + std::to_string(records.offset()) +
              " on, were left out");
  }

  static std::int64_t time_of(const event::Event& event) {
    constexpr double kMost = 253'402'300'799;  // the year 9999, which is as far as times go
    const double seconds = event.wall_time();
    return seconds >= 0 && seconds < kMost ? std::llround(seconds * kUsPerSecond) : 0;
  }

  template <class Where>
  static void check(const std::string& tag, const event::Event& event,
                    std::map<std::string, std::int64_t>& last, const Where& where) {
    if (tag.empty() || tag.size() > kMaxSeriesKeyBytes ||
        std::any_of(tag.begin(), tag.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }))
      throw invalid("PATH", where() + ": a tag becomes the series' key, which has 1 to " +
                                std::to_string(kMaxSeriesKeyBytes) + " printable bytes");
    if (event.step() < 0)
      throw invalid("PATH",
                    where() + ": step " + std::to_string(event.step()) + " of " + tag + " is negative");
    const auto [before, first] = last.emplace(tag, event.step());
    if (!first && event.step() <= before->second)
      throw invalid("PATH", where() + ": step " + std::to_string(event.step()) + " of " + tag +
                                " comes after step " + std::to_string(before->second) +
                                "; steps strictly increase");
    before->second = event.step();
  }

  // Each file's points are in order; so must be those of all.
  void merge(const std::string& tag, std::vector<Point>& points) const {
    std::stable_sort(points.begin(), points.end(),
                     [](const Point& a, const Point& b) { return a.step < b.step; });
    const auto same = std::adjacent_find(points.begin(), points.end(),
                                         [](const Point& a, const Point& b) { return a.step == b.step; });
    if (same == points.end()) return;
    throw invalid("PATH", "step " + std::to_string(same->step) + " of " + tag + " is in both " +
                              paths_[same->file].string() + " and " + paths_[std::next(same)->file].string() +
                              "; import one of the files, or a folder without the other");
  }

  void say_left_out() const {
    if (left_out_.empty()) return;
    std::int64_t count = 0;
    std::string tags;
    constexpr int kNamed = 5;
    int named = 0;
    for (const auto& [tag, values] : left_out_) {
      count += values;
      if (named++ < kNamed) tags += (tags.empty() ? "" : ", ") + tag;
    }
    if (named > kNamed) tags += " and " + std::to_string(named - kNamed) + " more";
    remark_(std::to_string(count) + " values that are no scalars of float or double were left out: " + tags);
  }

  const std::vector<fs::path> paths_;
  const Remark& remark_;
  Series series_;
  std::map<std::string, std::int64_t> left_out_;
  std::size_t points_ = 0;
};

// Those of the one run below a path.
std::vector<fs::path> event_files(const fs::path& path) {
  if (!fs::exists(path)) throw Error(Code::kNotFound, path.string() + " is not there", "PATH");
  if (!fs::is_directory(path)) return {path};
  std::map<fs::path, std::vector<fs::path>> runs;  // by folder
  for (const auto& entry : fs::recursive_directory_iterator(path))
    if (entry.is_regular_file() && entry.path().filename().string().find(kMark) != std::string::npos)
      runs[entry.path().parent_path()].push_back(entry.path());
  if (runs.empty())
    throw invalid("PATH", path.string() + " has no event files (their names contain '" + kMark + "')");
  if (runs.size() > 1) {
    throw invalid("PATH", path.string() + " has event files in " + std::to_string(runs.size()) +
                              " folders, a run each; import one, as " + runs.begin()->first.string());
  }
  auto files = runs.begin()->second;
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

void read_events(const fs::path& path, const UseColumn& use, const Remark& remark) {
  const auto series = EventFiles(event_files(path), remark).read();
  if (series.empty()) throw invalid("PATH", path.string() + " has no scalars to import");
  for (const auto& [tag, points] : series) {
    for (std::size_t from = 0; from < points.size(); from += kColumnPoints) {
      v1::ScalarColumn column;
      column.set_key(tag);
      const std::size_t to = std::min(points.size(), from + kColumnPoints);
      for (std::size_t i = from; i < to; ++i) {
        column.add_step(points[i].step);
        column.add_time_us(points[i].time_us);
        column.add_value(points[i].value);
      }
      use(std::move(column));
    }
  }
}

}  // namespace hooke::formats
