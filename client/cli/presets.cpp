// hooke presets list | show
#include "client/sdk/presets.h"

#include <ostream>

#include "client/cli/commands.h"
#include "client/cli/text.h"
#include "proto/hooke/run_config.h"
#include "proto/hooke/yaml_config.h"

namespace hooke::cli {
namespace {

struct PresetListOptions {
  Format format = Format::kTable;
};

struct PresetShowOptions {
  std::string name;
  bool complete = false;
};

void list_presets(Context& context, const PresetListOptions& options) {
  Grid grid{{"preset", "what"}, {}};
  std::vector<std::string> objects;
  for (const sdk::Preset& preset : sdk::presets()) {
    grid.rows.push_back({std::string(preset.name), sdk::summary(preset)});
    objects.push_back(
        nlohmann::ordered_json{{"name", preset.name}, {"summary", sdk::summary(preset)}}.dump(1));
  }
  if (options.format == Format::kJson) return print_json_list(context.out, objects);
  options.format == Format::kCsv ? print_csv(context.out, grid) : print_table(context.out, grid);
}

void show_preset(Context& context, const PresetShowOptions& options) {
  const sdk::Preset& preset = sdk::find_preset(options.name);
  if (!options.complete) {
    context.out << preset.yaml;
    return;
  }
  const auto config = parse_config(std::string(preset.yaml), std::string(preset.name));
  context.out << yaml_text(to_json(hooke::complete(config)));
}

}  // namespace

void add_presets(CLI::App& app, Context& context) {
  CLI::App* group = add_group(app, "presets", "Experiments that ship with Hooke: list, show",
                              "  hooke presets list\n"
                              "  hooke presets show fashion-mnist > mine.yaml");
  auto listing = std::make_shared<PresetListOptions>();
  CLI::App* command = add_command<PresetListOptions>(
      *group, "list", "What there is", "  hooke presets list", listing,
      [&](const PresetListOptions& options) { list_presets(context, options); });
  add_format(*command, listing->format);

  auto showing = std::make_shared<PresetShowOptions>();
  command = add_command<PresetShowOptions>(
      *group, "show", "The configuration, as YAML to start from",
      "  hooke presets show fashion-mnist > mine.yaml\n"
      "  hooke presets show fashion-mnist --complete",
      showing, [&](const PresetShowOptions& options) { show_preset(context, options); });
  command->add_option("PRESET", showing->name, "As `hooke presets list` shows it")->required();
  command->add_flag("--complete", showing->complete, "With every default filled in, without comments");
}

}  // namespace hooke::cli
