// hooke workers list
#include <ctime>

#include "client/cli/commands.h"
#include "client/cli/resources.h"
#include "client/cli/text.h"

namespace hooke::cli {
namespace {

struct ListOptions {
  Format format = Format::kTable;
};

constexpr std::int64_t kMicros = 1'000'000;

std::string joined(const google::protobuf::RepeatedPtrField<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

void list(Context& context, const ListOptions& options) {
  const auto workers = context.api().list_workers();
  if (options.format == Format::kJson) return print_json_list(context.out, workers);
  const bool csv = options.format == Format::kCsv;
  Grid grid{{"worker", "devices", "labels", "version", "run", csv ? "last_seen_us" : "last seen"}, {}};
  for (const v1::Worker& worker : workers) {
    std::string labels;
    for (const auto& [key, value] : std::map(worker.labels().begin(), worker.labels().end()))
      labels += (labels.empty() ? "" : " ") + key + "=" + value;
    const double ago = static_cast<double>(std::time(nullptr)) -
                       static_cast<double>(worker.last_seen_us()) / static_cast<double>(kMicros);
    grid.rows.push_back(
        {worker.name(), joined(worker.devices()), labels, worker.version(),
         worker.run().empty() ? "" : id_of(worker.run()),
         csv ? std::to_string(worker.last_seen_us()) : duration(std::max(0.0, ago)) + " ago"});
  }
  if (csv) return print_csv(context.out, grid);
  print_table(context.out, grid);
  if (workers.empty())
    context.note("no workers; `hooke up` starts one on this machine, hooke-worker any number");
}

}  // namespace

void add_workers(CLI::App& app, Context& context) {
  CLI::App* group = add_group(app, "workers", "Workers: list", "  hooke workers list");
  auto options = std::make_shared<ListOptions>();
  CLI::App* command =
      add_command<ListOptions>(*group, "list", "Workers that are alive or were within the last day",
                               "  hooke workers list\n"
                               "  hooke workers list -o json",
                               options, [&](const ListOptions& given) { list(context, given); });
  add_format(*command, options->format);
}

}  // namespace hooke::cli
