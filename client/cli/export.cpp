// hooke export
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>
#include <ostream>

#include "client/cli/commands.h"
#include "client/cli/progress.h"
#include "client/cli/resources.h"
#include "client/cli/text.h"
#include "client/formats/out_file.h"
#include "client/formats/run_writer.h"

namespace hooke::cli {
namespace {

namespace fs = std::filesystem;
using formats::ExportFormat;
using formats::RunWriter;
using Clock = std::chrono::steady_clock;

struct ExportOptions {
  std::string target;
  std::string format;
  std::string out;
  bool force = false;
};

const std::vector<std::string> kFormats = {"csv", "jsonl", "npz", "tensorboard"};

ExportFormat format_of(const std::string& name) {
  if (name == "csv") return ExportFormat::kCsv;
  if (name == "jsonl") return ExportFormat::kJsonLines;
  return name == "npz" ? ExportFormat::kNpz : ExportFormat::kTensorBoard;
}

// While it lives the first interrupt only says so, that what was begun can be removed; a second one ends
// the program as ever. One at a time.
class Interrupts {
 public:
  Interrupts() {
    seen_ = false;
    for (std::size_t i = 0; i < std::size(kSignals); ++i) before_[i] = std::signal(kSignals[i], handle);
  }
  ~Interrupts() {
    for (std::size_t i = 0; i < std::size(kSignals); ++i) std::signal(kSignals[i], before_[i]);
  }
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  static bool seen() { return seen_; }

 private:
  static constexpr int kSignals[] = {SIGINT, SIGTERM};
  static void handle(int number) {
    seen_ = true;
    std::signal(number, SIG_DFL);
  }
  static inline std::atomic<bool> seen_ = false;
  void (*before_[std::size(kSignals)])(int) = {};
};

// Thrown from within an export that was interrupted.
struct Interrupted {};

// What has been written, and how much of all there is.
class Progress {
 public:
  // `points`: of every series of the runs, together.
  Progress(Context& context, std::int64_t points)
      : unicode_(context.terminal.unicode), line_(context), all_(points) {}

  // Values are what a file holds, points what a series has.
  void add(const std::string& run, std::int64_t values, std::int64_t points) {
    values_ += values;
    points_ += points;
    if (!line_.due()) return;
    std::string text = run + "  ";
    if (all_ > 0)
      text += bar(static_cast<double>(points_) / static_cast<double>(all_), kBarColumns, unicode_) + "  ";
    line_.draw(text + summary());
  }
  void clear() { line_.clear(); }
  std::string summary() const {
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    char text[96];
    std::snprintf(text, sizeof text, "%lld values in %.1f s (%.3g values/s)", static_cast<long long>(values_),
                  seconds, static_cast<double>(values_) / seconds);
    return text;
  }

 private:
  static constexpr int kBarColumns = 24;
  const bool unicode_;
  const Clock::time_point start_ = Clock::now();
  ProgressLine line_;
  const std::int64_t all_;
  std::int64_t values_ = 0, points_ = 0;
};

// Those that will come; a run that goes on may have more by then.
std::int64_t count_points(Api& api, const std::vector<v1::Run>& runs, bool pairs) {
  std::int64_t points = 0;
  for (const v1::Run& run : runs)
    for (const v1::SeriesInfo& series : api.list_series(run.name()))
      if (pairs || series.kind() != v1::SERIES_KIND_PAIRS) points += series.count();
  return points;
}

// Where an export goes: entries of a folder, which appear when all are whole.
struct Destination {
  fs::path folder;
  std::vector<std::string> entries;
  std::string file;  // the one file that was named; empty: each run has an entry of its own
};

Destination destination_of(const ExportOptions& options, ExportFormat format,
                           const std::vector<v1::Run>& runs) {
  const fs::path out = options.out;
  const bool npz = format == ExportFormat::kNpz;
  Destination place{out, {}, {}};
  if (format == ExportFormat::kJsonLines || (npz && out.extension() == ".npz")) {
    if (runs.size() > 1 && npz)
      throw invalid("--out", options.out + " is one file, and these are " + std::to_string(runs.size()) +
                                 " runs; name a folder");
    if (fs::is_directory(out) || !out.has_filename())
      throw invalid("--out", options.out + " is a folder; for " + options.format + " name a file");
    return {out.parent_path(), {out.filename().string()}, out.filename().string()};
  }
  if (fs::exists(out) && !fs::is_directory(out))
    throw invalid("--out", options.out + " is no folder, and each run becomes an entry of one");
  for (const v1::Run& run : runs) place.entries.push_back(run.run_id() + (npz ? ".npz" : ""));
  return place;
}

std::unique_ptr<RunWriter> make_writer(ExportFormat format, const fs::path& folder,
                                       const Destination& place) {
  switch (format) {
    case ExportFormat::kCsv:
      return formats::make_csv_writer(folder);
    case ExportFormat::kJsonLines:
      return formats::make_json_lines_writer(folder / place.file);
    case ExportFormat::kNpz:
      return formats::make_npz_writer(folder, place.file);
    case ExportFormat::kTensorBoard:
      break;
  }
  return formats::make_event_writer(folder);
}

// One run's messages to the writer, checked: what a file holds is what the server said it would.
class RunExporter {
 public:
  RunExporter(RunWriter& writer, Progress& progress, std::string run)
      : writer_(writer), progress_(progress), run_(std::move(run)) {}

  void take(const v1::ExportRunResponse& message) {
    if (Interrupts::seen()) throw Interrupted();
    switch (message.message_case()) {
      case v1::ExportRunResponse::kRun:
        begun_ = true;
        return writer_.begin_run(message.run());
      case v1::ExportRunResponse::kSeries:
        end_series();
        return begin_series(message.series());
      case v1::ExportRunResponse::kScalars:
        return scalars(message.scalars());
      case v1::ExportRunResponse::kMatrices:
        return matrices(message.matrices());
      case v1::ExportRunResponse::kPairs:
        return pairs(message.pairs());
      default:
        throw wrong("a message that this version does not know");
    }
  }

  void finish() {
    if (!begun_) throw wrong("nothing of the run");
    end_series();
    writer_.end_run();
  }

 private:
  Error wrong(const std::string& what) const {
    return Error(Code::kInternal,
                 "the server sent " + what + (series_ ? " (series " + series_->info().key() + ")" : ""));
  }
  void require(bool fits, v1::SeriesKind kind) const {
    if (!series_ || series_->info().kind() != kind || !fits)
      throw wrong("points that do not fit their series");
  }

  void begin_series(const v1::ExportedSeries& series) {
    const int classes = series.info().class_names_size();
    if (!begun_ || series.eligible_size() != classes * classes)
      throw wrong("a series that does not fit itself");
    series_ = series;
    points_ = 0;
    writer_.begin_series(series);
  }

  void scalars(const v1::ExportedScalars& points) {
    const int count = points.step_size();
    require(points.time_us_size() == count && points.value_size() == count, v1::SERIES_KIND_SCALAR);
    points_ += count;
    writer_.scalars(points);
    progress_.add(run_, count, count);
  }

  void matrices(const v1::ExportedMatrices& points) {
    const int count = points.step_size();
    const auto cells = static_cast<std::size_t>(series_ ? series_->eligible_size() : 0);
    constexpr std::size_t kCellBytes = 20;
    bool fits = points.time_us_size() == count && points.planes_size() == count && cells > 0 &&
                points.figures_size() == count * series_->figure_keys_size();
    for (const auto& planes : points.planes()) fits &= planes.size() == cells * kCellBytes;
    require(fits, v1::SERIES_KIND_MATRIX);
    points_ += count;
    writer_.matrices(points);
    progress_.add(run_, count * static_cast<std::int64_t>(cells), count);
  }

  void pairs(const v1::ExportedPairs& rows) {
    const auto& info = series_ ? series_->info() : v1::SeriesInfo::default_instance();
    const auto m =
        static_cast<std::size_t>(info.class_names_size()) * static_cast<std::size_t>(info.per_class());
    const std::size_t row = m * sizeof(float), above = rows.numerators().size();
    const bool whole = row > 0 && above > 0 && above % row == 0;
    require(whole && rows.first_row() == row_ && static_cast<std::size_t>(row_) + above / row <= m &&
                (rows.denominators().size() == row || rows.denominators().size() == above),
            v1::SERIES_KIND_PAIRS);
    row_ += static_cast<std::int32_t>(above / row);
    const bool complete = static_cast<std::size_t>(row_) == m;
    if (complete) {
      row_ = 0;
      ++points_;
    }
    writer_.pairs(rows);
    progress_.add(run_, static_cast<std::int64_t>(above / sizeof(float)), complete ? 1 : 0);
  }

  void end_series() {
    if (!series_) return;
    if (points_ != series_->info().count() || row_ != 0)
      throw wrong(std::to_string(points_) + " points of " + std::to_string(series_->info().count()));
    writer_.end_series();
    series_.reset();
  }

  RunWriter& writer_;
  Progress& progress_;
  const std::string run_;
  bool begun_ = false;
  std::optional<v1::ExportedSeries> series_;
  std::int64_t points_ = 0;
  std::int32_t row_ = 0;  // next row of the table that is coming
};

void write_runs(Context& context, const std::vector<v1::Run>& runs, RunWriter& writer, Progress& progress) {
  for (const v1::Run& run : runs) {
    v1::ExportRunRequest request;
    request.set_run(run.name());
    request.set_without_pairs(!writer.takes_pairs());
    request.set_with_figures(writer.takes_figures());
    RunExporter exporter(writer, progress, run.run_id());
    context.api().export_run(request, [&](const v1::ExportRunResponse& message) { exporter.take(message); });
    exporter.finish();
  }
  writer.close();
}

void export_runs(Context& context, const ExportOptions& options) {
  const ExportFormat format = format_of(options.format);
  const auto runs = resolve_runs(context.api(), {options.target});
  if (runs.empty()) throw invalid("RUN", options.target + " has no runs to export");
  const Destination place = destination_of(options, format, runs);
  const Interrupts interrupts;
  formats::Staging staging(place.folder, place.entries, options.force);
  const auto writer = make_writer(format, staging.folder(), place);
  Progress progress(context, count_points(context.api(), runs, writer->takes_pairs()));
  try {
    write_runs(context, runs, *writer, progress);
    if (Interrupts::seen()) throw Interrupted();
    staging.publish();
  } catch (const Interrupted&) {
    progress.clear();
    context.note("interrupted: nothing was exported");
    context.exit_code = kInterrupted;
    return;
  } catch (...) {
    progress.clear();
    throw;
  }
  progress.clear();
  for (const v1::Run& run : runs)
    if (!is_final(run.state()))
      context.note(run.run_id() + " is " + state_name(run.state()) + ": this is what it had by now");
  if (const auto remark = writer->remark(); !remark.empty()) context.note(remark);
  context.note("wrote " + progress.summary() + " of " +
               plural(static_cast<std::int64_t>(runs.size()), "run") + " to " + options.out);
}

}  // namespace

void add_export(CLI::App& app, Context& context) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command = add_command<ExportOptions>(
      app, "export", "Everything stored of a run, or of every run of an experiment, as files",
      "  hooke export k3f9 --format csv --out data            data/k3f9…/train/loss.csv and so on\n"
      "  hooke export k3f9 --format npz --out k3f9.npz        numpy.load('k3f9.npz')['train/loss/value']\n"
      "  hooke export fashion-mnist --format jsonl --out all.jsonl\n"
      "  hooke export fashion-mnist --format tensorboard --out logs && tensorboard --logdir logs\n"
      "\n"
      "Formats, all at full resolution, with the configuration and what is needed to make the run again:\n"
      "  csv          a folder for each run: run.json, series.jsonl, and a file for each series\n"
      "  jsonl        one file, one JSON object a line: run, series, then points\n"
      "  npz          arrays KEY/step, KEY/value; of matrices KEY/mean and so on, [steps, K, K]\n"
      "  tensorboard  event files; float32, and no pairs, which the command says\n"
      "What is exported appears when it is whole, or not at all.",
      options, [&](const ExportOptions& given) { export_runs(context, given); });
  command->add_option("RUN", options->target, "A run or an experiment")
      ->required()
      ->option_text("RUN|EXPERIMENT");
  command->add_option("--format", options->format, "csv, jsonl, npz or tensorboard")
      ->check(CLI::IsMember(kFormats))
      ->type_name("FORMAT")
      ->required();
  command->add_option("--out", options->out, "Folder; for jsonl, and for npz of one run, a file")
      ->type_name("PATH")
      ->required();
  command->add_flag("--force", options->force, "Replace what is there");
}

}  // namespace hooke::cli
