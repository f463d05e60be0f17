// Every command of `hooke`: each function adds one to the program, with its options, its help and
// what it does. A new command is a file of its own, a line here and one in cli.cpp.
//
// Called once by run(); `context` outlives `app`.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "client/cli/cli.h"
#include "client/cli/output.h"

namespace hooke::cli {

void add_up(CLI::App& app, Context& context);
void add_down(CLI::App& app, Context& context);
void add_open(CLI::App& app, Context& context);
void add_submit(CLI::App& app, Context& context);
void add_watch(CLI::App& app, Context& context);
void add_wait(CLI::App& app, Context& context);
void add_runs(CLI::App& app, Context& context);
void add_experiments(CLI::App& app, Context& context);
void add_series(CLI::App& app, Context& context);
void add_influence(CLI::App& app, Context& context);
void add_compare(CLI::App& app, Context& context);
void add_phases(CLI::App& app, Context& context);
void add_plot(CLI::App& app, Context& context);
void add_report(CLI::App& app, Context& context);
void add_export(CLI::App& app, Context& context);
void add_import(CLI::App& app, Context& context);
void add_presets(CLI::App& app, Context& context);
void add_config(CLI::App& app, Context& context);
void add_workers(CLI::App& app, Context& context);
void add_server(CLI::App& app, Context& context);
void add_tokens(CLI::App& app, Context& context);
void add_sync(CLI::App& app, Context& context);
void add_doctor(CLI::App& app, Context& context);
void add_completion(CLI::App& app, Context& context);

// A command that does something: `examples` has a line for each, without indentation; `action`
// gets the options that were bound to `*options`, which live as long as the command.
template <class Options>
CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& description,
                      const std::string& examples, std::shared_ptr<Options> options,
                      std::function<void(const Options&)> action) {
  CLI::App* command = parent.add_subcommand(name, description);
  command->footer("Examples:\n" + examples);
  command->callback([options, action] { action(*options); });
  return command;
}

// A command that only groups others, as `runs`.
CLI::App* add_group(CLI::App& parent, const std::string& name, const std::string& description,
                    const std::string& examples);

// -o, --output: table, json or csv.
void add_format(CLI::App& command, Format& format);

// --filter, --order-by and --archived; `what` is listed, as "runs".
void add_list_options(CLI::App& command, ListWanted& wanted, const std::string& what);

// An option that may be repeated, one value each time.
void add_repeated(CLI::App& command, const std::string& name, std::vector<std::string>& values,
                  const std::string& type, const std::string& description);

}  // namespace hooke::cli
