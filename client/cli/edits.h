// Commands that runs and experiments have alike: tag, note, archive, delete.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "client/cli/cli.h"
#include "client/cli/resources.h"

namespace hooke::cli {

// Runs or experiments, in the words of help and messages.
struct Kind {
  std::string noun;         // "runs"
  std::string singular;     // "run"
  std::string placeholder;  // "RUN"
  std::string example;      // a reference to one
  std::string help;         // what a reference is
  // The resource name of what is referred to. Throws hooke::Error.
  std::function<std::string(Api&, const std::string&)> resolve;
};
Kind kind_of_runs();
Kind kind_of_experiments();

// Adds delete alone, which add_edits calls.
void add_delete(CLI::App& group, Context& context, const Kind& kind);

// Adds them to the group `hooke runs` or `hooke experiments`.
void add_edits(CLI::App& group, Context& context, const Kind& kind);

}  // namespace hooke::cli
