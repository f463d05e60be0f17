// hooke runs|experiments delete
#include <algorithm>
#include <istream>
#include <ostream>

#include "client/cli/commands.h"
#include "client/cli/edits.h"
#include "client/cli/progress.h"
#include "client/cli/text.h"

namespace hooke::cli {
namespace {

struct DeleteOptions {
  std::vector<std::string> references;
  bool dry_run = false;
  bool yes = false;
};

std::string extent(const v1::DeleteResponse& deleted, const std::string& before_bytes) {
  return plural(deleted.runs(), "run") + " with " + plural(deleted.points(), "point") + ", " + before_bytes +
         bytes(deleted.bytes());
}

// Whether the user says so. Throws hooke::Error when there is nobody to ask.
bool agreed(Context& context, const std::string& question) {
  if (!context.terminal.in || !context.in)
    throw invalid("", question + " give --yes, as there is no terminal to ask");
  context.err << question << " This cannot be undone. [y/N] " << std::flush;
  std::string answer;
  std::getline(*context.in, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

void remove(Context& context, const Kind& kind, const DeleteOptions& options) {
  // Everything is looked up and checked first: a wrong reference, or a run that is running, deletes nothing.
  std::vector<std::string> names;
  v1::DeleteResponse all;
  for (const std::string& reference : options.references) {
    const std::string name = kind.resolve(context.api(), reference);
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    names.push_back(name);
    const v1::DeleteResponse one = context.api().remove(names.back(), /*validate_only=*/true);
    if (options.dry_run) context.out << id_of(names.back()) << ": " << extent(one, "about ") << '\n';
    all.set_runs(all.runs() + one.runs());
    all.set_points(all.points() + one.points());
    all.set_bytes(all.bytes() + one.bytes());
  }
  if (options.dry_run) return context.note("nothing was deleted: --dry-run");
  if (!options.yes && !agreed(context, "delete " + extent(all, "about ") + "?")) {
    context.note("nothing was deleted");
    context.exit_code = kFailed;
    return;
  }
  for (const std::string& name : names) {
    v1::DeleteResponse deleted;
    {
      const Waiting waiting(context, "deleting " + id_of(name));
      deleted = context.api().remove(name, false);
    }
    context.note("deleted " + id_of(name) + ": " + extent(deleted, "") + " given back");
  }
}

}  // namespace

void add_delete(CLI::App& group, Context& context, const Kind& kind) {
  auto options = std::make_shared<DeleteOptions>();
  const std::string command_line = "  hooke " + kind.noun + " delete " + kind.example;
  CLI::App* command = add_command<DeleteOptions>(
      group, "delete", "Delete " + kind.noun + " with everything that was measured, for good",
      command_line + "\n" + command_line + " --dry-run      only says what and how much\n" + command_line +
          " --yes",
      options, [&context, kind](const DeleteOptions& given) { remove(context, kind, given); });
  command->add_option(kind.placeholder, options->references, kind.help)->required();
  command->add_flag("--dry-run", options->dry_run, "Only say what would be deleted");
  command->add_flag("--yes", options->yes, "Do not ask");
}

}  // namespace hooke::cli
