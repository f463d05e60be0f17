// hooke server status | backup | gc
#include "client/cli/commands.h"
#include "client/cli/progress.h"
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
  add("records a second", number(facts.records_per_s()));
  add("commits", std::to_string(facts.commits()));
  add("writer queue", std::to_string(facts.writer_queue()));
  add("oldest waiting ms", number(facts.oldest_waiting_ms()));
  if (csv) return print_csv(context.out, grid);
  print_facts(context.out, grid);
}

struct BackupOptions {
  std::string name;
  Format format = Format::kTable;
};

void back_up(Context& context, const BackupOptions& options) {
  v1::BackupResponse file;
  {
    const Waiting waiting(context, "copying " + bytes(context.api().get_statistics().database_bytes()));
    file = context.api().back_up(options.name);
  }
  if (options.format == Format::kJson) return print_json(context.out, file);
  const Grid grid{{"path", "bytes"}, {{file.path(), std::to_string(file.bytes())}}};
  if (options.format == Format::kCsv) return print_csv(context.out, grid);
  print_facts(context.out, {{"field", "value"}, {{"path", file.path()}, {"size", bytes(file.bytes())}}});
}

struct GarbageOptions {
  bool dry_run = false;
  Format format = Format::kTable;
};

void collect_garbage(Context& context, const GarbageOptions& options) {
  std::int64_t count = 0;
  {
    const Waiting waiting(context, "giving space back");
    count = context.api().collect_garbage(options.dry_run);
  }
  if (options.format == Format::kJson) {
    v1::CollectGarbageResponse answer;
    answer.set_bytes(count);
    return print_json(context.out, answer);
  }
  const Grid grid{{"bytes"}, {{std::to_string(count)}}};
  if (options.format == Format::kCsv) return print_csv(context.out, grid);
  context.out << bytes(count) << (options.dry_run ? " would be" : "") << " given back to the file system\n";
}

}  // namespace

void add_server(CLI::App& app, Context& context) {
  CLI::App* group = add_group(app, "server", "The server: status, backup, garbage collection",
                              "  hooke server status\n  hooke server backup before-upgrade.db");
  auto options = std::make_shared<StatusOptions>();
  CLI::App* command =
      add_command<StatusOptions>(*group, "status", "What the server is and does",
                                 "  hooke server status\n"
                                 "  hooke --server gpu-head:7070 --token-file ~/.hooke-token server status",
                                 options, [&](const StatusOptions& given) { status(context, given); });
  add_format(*command, options->format);

  auto backup = std::make_shared<BackupOptions>();
  CLI::App* copy = add_command<BackupOptions>(
      *group, "backup", "Copy the database to DATA/backups/NAME on the server, while ingest goes on",
      "  hooke server backup before-upgrade.db\n"
      "  hooke server backup \"$(date +%F).db\" -o csv\n"
      "To restore one: stop hooked, put the file in the place of DATA/hooke.db, remove hooke.db-wal, start "
      "it.",
      backup, [&](const BackupOptions& given) { back_up(context, given); });
  auto garbage = std::make_shared<GarbageOptions>();
  CLI::App* collect =
      add_command<GarbageOptions>(*group, "gc",
                                  "Give the space of deleted runs back to the file system; hooked does so by "
                                  "itself, a minute or so later",
                                  "  hooke server gc --dry-run\n  hooke server gc", garbage,
                                  [&](const GarbageOptions& given) { collect_garbage(context, given); });
  collect->add_flag("--dry-run", garbage->dry_run, "Only say how much free space the file has");
  add_format(*collect, garbage->format);
  copy->add_option("NAME", backup->name, "File name: letters, digits, '-', '_', '.'")->required();
  add_format(*copy, backup->format);
}

}  // namespace hooke::cli
