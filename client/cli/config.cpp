// hooke config check | schema
#include <ostream>

#include "client/cli/commands.h"
#include "client/cli/schema.h"
#include "client/sdk/config_file.h"
#include "proto/hooke/config_checks.h"
#include "proto/hooke/yaml_config.h"

namespace hooke::cli {
namespace {

struct CheckOptions {
  std::string file;
};

struct SchemaOptions {};

std::string describe_config(const v1::RunConfig& config) {
  const auto& data = config.data();
  const auto& probes = config.probes();
  std::string text = config.name() + ": " + plural(data.classes_size(), "label") + " of " +
                     name_of(data.set()) + ", " + name_of(config.model().type()) + ", " +
                     plural(config.training().epochs(), "epoch") + " of batches of " +
                     std::to_string(config.training().batch());
  if (probes.every() > 0)
    text += "; " + plural(config.measures_size(), "measure") + " for " +
            plural(probes.updates_size(), "update") + " every " + plural(probes.every(), "step");
  return text;
}

void check(Context& context, const CheckOptions& options) {
  const std::string text = sdk::read_text(options.file);
  const auto errors = sdk::check_config(text, options.file);
  if (errors.empty()) {
    context.out << options.file << " is valid\n"
                << describe_config(hooke::complete(parse_config(text, options.file))) << '\n';
    return;
  }
  for (const std::string& error : errors) context.note("hooke: " + error);
  context.exit_code = kBadInput;
}

}  // namespace

void add_config(CLI::App& app, Context& context) {
  CLI::App* group = add_group(app, "config", "Configuration files: check, schema",
                              "  hooke config check mine.yaml\n"
                              "  hooke config schema");
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command =
      add_command<CheckOptions>(*group, "check", "Check a file without a server",
                                "  hooke config check mine.yaml\n"
                                "  hooke presets show fashion-mnist | hooke config check -",
                                options, [&](const CheckOptions& given) { check(context, given); });
  command->add_option("FILE", options->file, "YAML file; - for standard input")->required();
  add_command<SchemaOptions>(*group, "schema", "Every field with its meaning, default and type",
                             "  hooke config schema | less", std::make_shared<SchemaOptions>(),
                             [&](const SchemaOptions&) { context.out << config_schema(); });
}

}  // namespace hooke::cli
