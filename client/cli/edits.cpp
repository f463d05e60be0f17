// hooke runs|experiments tag | note | archive
#include "client/cli/edits.h"

#include "client/cli/commands.h"
#include "client/sdk/config_file.h"

namespace hooke::cli {
namespace {

struct TagOptions {
  std::string reference;
  std::vector<std::string> set;
  std::vector<std::string> remove;
};

struct NoteOptions {
  std::string reference;
  std::string text;
};

struct ArchiveOptions {
  std::vector<std::string> references;
  bool undo = false;
};

void tag(Context& context, const Kind& kind, const TagOptions& options) {
  if (options.set.empty() && options.remove.empty())
    throw invalid("", "give tags to set, as team=vision, or --remove KEY");
  v1::UpdateTagsRequest request;
  for (const std::string& assignment : options.set) {
    const auto [key, value] = sdk::split_assignment(assignment, "KEY=VALUE");
    (*request.mutable_set())[key] = value;
  }
  for (const std::string& key : options.remove) request.add_remove(key);
  request.set_name(kind.resolve(context.api(), options.reference));
  std::string now;
  const auto tags = context.api().update_tags(request).tags();
  for (const auto& [key, value] : std::map(tags.begin(), tags.end())) now += " " + key + "=" + value;
  context.note(id_of(request.name()) + (now.empty() ? " has no tags" : ":" + now));
}

void archive(Context& context, const Kind& kind, const ArchiveOptions& options) {
  // Every reference is looked up first: a wrong one changes nothing.
  std::vector<std::string> names;
  for (const std::string& reference : options.references)
    names.push_back(kind.resolve(context.api(), reference));
  for (const std::string& name : names) {
    context.api().archive(name, options.undo);
    context.note(id_of(name) +
                 (options.undo ? " is in lists again" : " is archived: lists show it with --archived"));
  }
}

void add_tag(CLI::App& group, Context& context, const Kind& kind) {
  auto options = std::make_shared<TagOptions>();
  const std::string command_line = "  hooke " + kind.noun + " tag " + kind.example;
  CLI::App* command = add_command<TagOptions>(
      group, "tag", "Set and remove tags of one " + kind.singular,
      command_line + " team=vision kind=trial\n" + command_line + " --remove kind", options,
      [&context, kind](const TagOptions& given) { tag(context, kind, given); });
  command->add_option(kind.placeholder, options->reference, kind.help)->required();
  command->add_option("KEY=VALUE", options->set, "Tags to set or replace");
  add_repeated(*command, "--remove", options->remove, "KEY", "Tag to remove");
}

void add_note(CLI::App& group, Context& context, const Kind& kind) {
  auto options = std::make_shared<NoteOptions>();
  CLI::App* command = add_command<NoteOptions>(
      group, "note", "Write down something about one " + kind.singular,
      "  hooke " + kind.noun + " note " + kind.example + " 'diverged: lr too large'\n" + "  hooke " +
          kind.noun + " note " + kind.example + " ''      removes it",
      options, [&context, kind](const NoteOptions& given) {
        const std::string name = kind.resolve(context.api(), given.reference);
        context.api().update_note(name, given.text);
        context.note(id_of(name) + (given.text.empty() ? " has no note" : ": noted"));
      });
  command->add_option(kind.placeholder, options->reference, kind.help)->required();
  command->add_option("TEXT", options->text, "Replaces the note; empty removes it")->required();
}

void add_archive(CLI::App& group, Context& context, const Kind& kind) {
  auto options = std::make_shared<ArchiveOptions>();
  const std::string command_line = "  hooke " + kind.noun + " archive " + kind.example;
  CLI::App* command = add_command<ArchiveOptions>(
      group, "archive", "Hide " + kind.noun + " from lists; nothing is lost",
      command_line + "\n" + command_line + " --undo", options,
      [&context, kind](const ArchiveOptions& given) { archive(context, kind, given); });
  command->add_option(kind.placeholder, options->references, kind.help)->required();
  command->add_flag("--undo", options->undo, "Show them in lists again");
}

}  // namespace

Kind kind_of_runs() {
  return {"runs",
          "run",
          "RUN",
          "k3f9",
          "Id of a run, or the beginning of it",
          [](Api& api, const std::string& reference) { return resolve_run(api, reference).name(); }};
}

Kind kind_of_experiments() {
  return {"experiments", "experiment", "EXPERIMENT", "fashion-mnist", "Its name", resolve_experiment};
}

void add_edits(CLI::App& group, Context& context, const Kind& kind) {
  add_tag(group, context, kind);
  add_note(group, context, kind);
  add_archive(group, context, kind);
  add_delete(group, context, kind);
}

}  // namespace hooke::cli
