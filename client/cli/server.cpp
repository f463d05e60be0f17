// hooke server status
#include "client/cli/commands.h"
#include "client/cli/text.h"

namespace hooke::cli {
namespace {

struct StatusOptions {
  Format format = Format::kTable;
};

void status(Context& context, const StatusOptions& options) {
  const v1::Statistics facts = context.api().get_statistics();
  if (options.format == Format::kJson) return print_json(context.out, facts);
  const bool csv = options.format == Format::kCsv;
  const auto size = [&](std::int64_t count) { return csv ? std::to_string(count) : bytes(count); };
  Grid grid{{"field", "value"}, {}};
  const auto add = [&](const std::string& field, const std::string& value) {
    grid.rows.push_back({field, value});
  };
  add("address", context.api().endpoint().address);
  add("version", facts.version());
  add("sqlite", facts.sqlite_version());
  add("schema", std::to_string(facts.schema_version()));
  add("uptime", csv ? number(facts.uptime_s()) : duration(facts.uptime_s()));
  add("data", facts.data_dir());
  add("database", size(facts.database_bytes()));
  add("write-ahead log", size(facts.wal_bytes()));
  add("disk free", size(facts.disk_free_bytes()));
  add("experiments", std::to_string(facts.experiments()));
  for (const auto& [state, count] : std::map(facts.runs().begin(), facts.runs().end()))
    add("runs " + state, std::to_string(count));
  add("streams", std::to_string(facts.streams()));
  add("records committed", std::to_string(facts.records_committed()));
  add("commits", std::to_string(facts.commits()));
  add("writer queue", std::to_string(facts.writer_queue()));
  add("oldest waiting ms", number(facts.oldest_waiting_ms()));
  if (csv) return print_csv(context.out, grid);
  print_facts(context.out, grid);
}

}  // namespace

void add_server(CLI::App& app, Context& context) {
  CLI::App* group = add_group(app, "server", "The server: status", "  hooke server status");
  auto options = std::make_shared<StatusOptions>();
  CLI::App* command =
      add_command<StatusOptions>(*group, "status", "What the server is and does",
                                 "  hooke server status\n"
                                 "  hooke --server gpu-head:7070 --token-file ~/.hooke-token server status",
                                 options, [&](const StatusOptions& given) { status(context, given); });
  add_format(*command, options->format);
}

}  // namespace hooke::cli
