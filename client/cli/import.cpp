// hooke import
#include <chrono>
#include <ostream>

#include "client/cli/commands.h"
#include "client/cli/progress.h"
#include "client/cli/resources.h"
#include "client/formats/import_reader.h"
#include "client/sdk/uuid.h"

namespace hooke::cli {
namespace {

namespace fs = std::filesystem;

struct ImportOptions {
  std::string format;
  std::string path;
  std::string name;
};

// Of what becomes the run's note.
constexpr std::size_t kMostSourceBytes = 1000;

// Columns until they fill a message.
class Messages {
 public:
  Messages(const Api::SendColumns& send, ProgressLine& line) : send_(send), line_(line) {}

  void add(v1::ScalarColumn&& column) {
    points_ += static_cast<std::size_t>(column.step_size());
    *message_.add_columns() = std::move(column);
    if (points_ >= formats::kColumnPoints || message_.columns_size() >= kMostColumns) flush();
  }
  void flush() {
    if (message_.columns().empty()) return;
    send_(std::move(message_));
    message_.Clear();
    sent_ += std::exchange(points_, 0);
    if (line_.due()) line_.draw("sent " + std::to_string(sent_) + " values");
  }

 private:
  static constexpr int kMostColumns = 1000;
  const Api::SendColumns& send_;
  v1::ImportSeriesRequest message_;
  ProgressLine& line_;
  std::size_t points_ = 0, sent_ = 0;
};

void import_series(Context& context, const ImportOptions& options) {
  const bool csv = options.format == "csv";
  v1::ImportSeriesRequest first;
  first.set_experiment_id(options.name);
  first.set_request_id(sdk::make_uuid());
  std::string source = options.format + " " + fs::absolute(options.path).lexically_normal().string();
  if (source.size() <= kMostSourceBytes) first.set_source(std::move(source));
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::string> remarks;
  ProgressLine line(context);
  const auto response = context.api().import_series(first, [&](const Api::SendColumns& send) {
    remarks.clear();
    Messages messages(send, line);
    const auto use = [&](v1::ScalarColumn&& column) { messages.add(std::move(column)); };
    const auto remark = [&](const std::string& text) { remarks.push_back(text); };
    csv ? formats::read_csv(options.path, use, remark) : formats::read_events(options.path, use, remark);
    messages.flush();
    line.draw("storing");
  });
  line.clear();
  for (const std::string& text : remarks) context.note(text);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  char took[32];
  std::snprintf(took, sizeof took, "%.1f s", seconds);
  context.note("imported " + std::to_string(response.points()) + " values in " + took + " as run " +
               response.run().run_id() + " of experiment " + experiment_of(response.run().name()));
  context.out << response.run().run_id() << '\n';
}

}  // namespace

void add_import(CLI::App& app, Context& context) {
  auto options = std::make_shared<ImportOptions>();
  CLI::App* command = add_command<ImportOptions>(
      app, "import", "Scalar series from elsewhere as a new experiment of one run",
      "  hooke import csv loss.csv --as theirs               series loss\n"
      "  hooke import csv runs/first --as theirs             a series for each *.csv below, as train/loss\n"
      "  hooke import tensorboard logs/run1 --as theirs      the event files of one run\n"
      "  hooke phases theirs --series train/loss\n"
      "\n"
      "CSV: the first line is step,value, then a row for each step; numbers as 0.5, 1e-4, nan, inf, -inf.\n"
      "Steps are whole numbers, 0 or more, and strictly increase. All or nothing: what cannot be read is\n"
      "an error with its file and line, and nothing is stored. Prints the id of the run.",
      options, [&](const ImportOptions& given) { import_series(context, given); });
  command->add_option("FORMAT", options->format, "csv or tensorboard")
      ->check(CLI::IsMember(std::vector<std::string>{"csv", "tensorboard"}))
      ->option_text("FORMAT")
      ->required();
  command->add_option("PATH", options->path, "A file or a folder")->required();
  command->add_option("--as", options->name, "Name of the experiment; one that is taken gets -2, -3, …")
      ->type_name("EXPERIMENT")
      ->required();
}

}  // namespace hooke::cli
