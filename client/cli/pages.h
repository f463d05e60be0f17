// Every command as plain data, read off the program itself: help pages, man pages and completion are
// made from it, so that none can miss a command or an option.
//
// Pure functions; any thread may call.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace hooke::cli {

// An option, a flag or a positional.
struct OptionPage {
  std::vector<std::string> names;    // "-o", "--output"; of a positional none
  std::string value;                 // "FILE"; empty for a flag
  bool repeated = false;             // several values, or several times
  bool required = false;             // of a positional: it cannot be left out
  std::vector<std::string> choices;  // the only values there are; empty: any
  std::string description;           // whole: with choices, range, default and what it excludes
};

struct CommandPage {
  std::string path;  // "hooke runs list"
  std::string summary;
  std::vector<OptionPage> positionals;  // in their order
  std::vector<OptionPage> options;      // its own
  std::vector<OptionPage> shared;       // those of every command; of the program alone, else empty
  std::vector<CommandPage> commands;    // those below it
  std::string footer;                   // examples, then remarks

  // "hooke runs list [OPTIONS]"
  std::string usage() const;
};

// The command with everything below it. REQUIRES: every command was added.
CommandPage describe(const CLI::App& app);

// What --help prints: at most kHelpColumns wide but for examples.
inline constexpr std::size_t kHelpColumns = 100;
std::string help_text(const CommandPage& page);

// The group of options that every command takes.
inline constexpr const char* kSharedOptions = "With every command";

// Makes `hooke … --help` print help_text().
class HelpFormatter : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const override {
    return help_text(describe(*app));
  }
};

// `text` in lines of at most `columns`, broken at spaces; a longer word stands alone.
std::vector<std::string> wrapped(const std::string& text, std::size_t columns);

}  // namespace hooke::cli
