#include "client/cli/pages.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "client/cli/output.h"

namespace hooke::cli {
namespace {

constexpr std::size_t kIndent = 2;
// Where descriptions begin; a longer name puts its own on the next line.
constexpr std::size_t kNameColumns = 28;
constexpr double kNoBound = 1e6;

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

std::string joined(const std::vector<std::string>& parts, const std::string& between) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : between) + part;
  return text;
}

void append(std::string& description, const std::string& remark) {
  description += (description.empty() ? "" : "; ") + remark;
}

// The parser appends to a value's name what it checks, as "N:INT in [1 - 64]" or ":{table,json,csv}".
void read_checks(const std::string& type, OptionPage& page) {
  auto parts = split(type, ':');
  // A name may have a colon of its own.
  if (type.starts_with("HOST:PORT")) parts = {"HOST:PORT"};
  if (page.value.empty() && !parts.empty()) page.value = parts[0];
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::string& check = parts[i];
    const std::size_t open = check.find('[');
    if (check.size() > 2 && check.front() == '{') {
      page.choices = split(check.substr(1, check.size() - 2), ',');
    } else if (open != std::string::npos) {
      std::string range = check.substr(open + 1, check.find(']') - open - 1);
      const std::size_t dash = range.find(" - ");
      // A bound against overflow is no news.
      append(page.description, std::stod(range.substr(dash + 3)) > kNoBound
                                   ? range.substr(0, dash) + " or more"
                                   : range.replace(dash, 3, " to "));
    } else if (check == "POSITIVE") {
      append(page.description, "1 or more");
    } else if (check == "NONNEGATIVE") {
      append(page.description, "0 or more");
    }
  }
}

std::string exclusions(const CLI::Option& option) {
  std::set<std::string> names;
  for (const CLI::Option* other : option.get_excludes()) names.insert(other->get_name());
  std::vector<std::string> kept;
  for (const std::string& name : names) {
    // "--against" stands for "--against-step" and its like.
    const bool covered = std::any_of(names.begin(), names.end(), [&](const std::string& shorter) {
      return name.starts_with(shorter + "-");
    });
    if (!covered) kept.push_back(name);
  }
  std::string text = enumerate(kept);
  if (const std::size_t last = text.rfind(" and "); last != std::string::npos) text.replace(last, 5, " or ");
  return text;
}

OptionPage describe(const CLI::Option& option) {
  OptionPage page;
  page.description = option.get_description();
  for (const std::string& name : option.get_snames()) page.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) page.names.push_back("--" + name);
  const bool flag = option.get_items_expected_max() == 0;
  page.value = option.get_option_text();
  if (page.value.empty() && page.names.empty()) page.value = option.get_name();
  if (!flag) read_checks(option.get_type_name(), page);
  for (const std::string end : {"...", "…"})
    if (page.value.ends_with(end)) page.value.resize(page.value.size() - end.size());
  page.repeated = option.get_items_expected_max() > 1;
  page.required = option.get_required();
  if (!page.choices.empty() && page.value.empty()) page.value = "HOW";
  if (!page.choices.empty() && page.description.find(page.choices[0]) == std::string::npos)
    append(page.description, joined(page.choices, ", "));
  if (!option.get_default_str().empty()) append(page.description, "default: " + option.get_default_str());
  if (page.required && !page.names.empty()) append(page.description, "required");
  if (const std::string others = exclusions(option); !others.empty())
    append(page.description, "not with " + others);
  for (const CLI::Option* other : option.get_needs()) append(page.description, "needs " + other->get_name());
  return page;
}

std::string left_side(const OptionPage& page) {
  std::string text = joined(page.names, ", ");
  if (!page.value.empty()) text += (text.empty() ? "" : " ") + page.value;
  if (page.names.empty() && page.repeated) text += "...";
  return text;
}

void print_entry(std::ostream& out, const std::string& left, const std::string& right) {
  std::string line = std::string(kIndent, ' ') + left;
  const std::string margin(kNameColumns, ' ');
  if (width(line) + 2 > kNameColumns) {
    out << line << '\n';
    line = margin;
  }
  for (const std::string& part : wrapped(right, kHelpColumns - kNameColumns)) {
    out << pad_right(line, kNameColumns) << part << '\n';
    line = margin;
  }
  if (right.empty()) out << line << '\n';
}

void print_options(std::ostream& out, const std::string& title, const std::vector<OptionPage>& options) {
  if (options.empty()) return;
  out << '\n' << title << ":\n";
  for (const OptionPage& option : options) print_entry(out, left_side(option), option.description);
}

}  // namespace

std::string CommandPage::usage() const {
  std::string text = path + " [OPTIONS]";
  if (!commands.empty()) return text + " COMMAND";
  for (const OptionPage& one : positionals) {
    const std::string name = one.value + (one.repeated ? "..." : "");
    text += one.required ? " " + name : " [" + name + "]";
  }
  return text;
}

CommandPage describe(const CLI::App& app) {
  CommandPage page;
  page.path = app.get_name();
  for (const CLI::App* parent = app.get_parent(); parent; parent = parent->get_parent())
    page.path = parent->get_name() + " " + page.path;
  page.summary = app.get_description();
  page.footer = app.get_footer();
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;  // hidden
    auto& place = option->get_positional()                ? page.positionals
                  : option->get_group() == kSharedOptions ? page.shared
                                                          : page.options;
    place.push_back(describe(*option));
  }
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!command->get_group().empty()) page.commands.push_back(describe(*command));
  return page;
}

std::string help_text(const CommandPage& page) {
  std::ostringstream out;
  for (const std::string& line : wrapped(page.summary, kHelpColumns)) out << line << '\n';
  out << "\nUsage: " << page.usage() << '\n';
  if (!page.commands.empty()) out << "\nCommands:\n";
  for (const CommandPage& command : page.commands)
    print_entry(out, command.path.substr(command.path.rfind(' ') + 1), command.summary);
  print_options(out, "Arguments", page.positionals);
  print_options(out, "Options", page.options);
  print_options(out, kSharedOptions, page.shared);
  if (page.shared.empty()) out << "\nHow to reach the server, and colours: see `hooke --help`.\n";
  if (!page.footer.empty()) out << '\n' << page.footer << '\n';
  return out.str();
}

std::vector<std::string> wrapped(const std::string& text, std::size_t columns) {
  std::vector<std::string> lines;
  std::string line;
  for (const std::string& word : split(text, ' ')) {
    if (!line.empty() && width(line) + 1 + width(word) > columns) {
      lines.push_back(line);
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  if (!line.empty()) lines.push_back(line);
  return lines;
}

}  // namespace hooke::cli
