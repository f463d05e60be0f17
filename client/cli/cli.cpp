#include "client/cli/cli.h"

#include <filesystem>
#include <ostream>

#include "client/cli/commands.h"
#include "client/cli/completion.h"
#include "client/cli/inert.h"
#include "client/cli/man.h"
#include "client/cli/pages.h"
#include "hooke_version.h"
#include "proto/hooke/utf8.h"

namespace hooke::cli {
namespace {

constexpr const char* kDescription =
    "Hooke measures, while a network trains, how an update on one example moves the predictions on others.";

constexpr const char* kFooter =
    "Examples:\n"
    "  hooke up                                   a server and a worker on this machine\n"
    "  hooke submit --preset fashion-mnist --follow\n"
    "  hooke influence fashion-mnist              which class influences which\n"
    "  hooke phases fashion-mnist                 when training changes phase\n"
    "  hooke COMMAND --help                       options and examples of a command\n"
    "\n"
    "Environment: HOOKE_SERVER, HOOKE_TOKEN or HOOKE_TOKEN_FILE, HOOKE_CA, HOOKE_CERT, HOOKE_KEY, as the\n"
    "options; without any, the server that `hooke up` started, else localhost:7070. NO_COLOR: no colours.\n"
    "Exit codes: 0 done, 1 error, 2 usage or bad input, 3 a run that was waited for failed or was\n"
    "cancelled, 4 not authorised, 130 interrupted.";

void add_shared_options(CLI::App& app, Context& context) {
  const std::string group = kSharedOptions;
  sdk::ConnectOptions& connect = context.connect;
  app.add_option("--server", connect.server, "Address of the server")->type_name("HOST:PORT")->group(group);
  app.add_option("--token-file", connect.token_file, "File with the token, mode 0600")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--token", connect.token, "The token itself; others on this machine can see it")
      ->type_name("TOKEN")
      ->group(group);
  app.add_option("--ca", connect.ca, "Authority that signed the server's certificate (PEM)")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--cert", connect.cert, "This client's own certificate, for servers that ask for one (PEM)")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--key", connect.key, "Its private key (PEM)")->type_name("FILE")->group(group);
  app.add_option_function<std::string>(
         "--color",
         [&context](const std::string& when) {
           if (when != "auto") context.terminal.colour = when == "always";
         },
         "auto: on a terminal, unless NO_COLOR is set; default: auto")
      ->check(CLI::IsMember(std::vector<std::string>{"auto", "always", "never"}))
      ->type_name("WHEN")
      ->group(group);
}

void add_commands(CLI::App& app, Context& context) {
  add_up(app, context);
  add_down(app, context);
  add_open(app, context);
  add_submit(app, context);
  add_watch(app, context);
  add_wait(app, context);
  add_influence(app, context);
  add_phases(app, context);
  add_compare(app, context);
  add_runs(app, context);
  add_experiments(app, context);
  add_series(app, context);
  add_plot(app, context);
  add_report(app, context);
  add_export(app, context);
  add_import(app, context);
  add_presets(app, context);
  add_config(app, context);
  add_workers(app, context);
  add_server(app, context);
  add_tokens(app, context);
  add_sync(app, context);
  add_doctor(app, context);
  add_completion(app, context);
}

// What the shells' scripts and the build call; true when it was one of them.
bool hidden_command(const CLI::App& app, const std::vector<std::string>& arguments, Context& context) {
  if (arguments[0] == kCompleteCommand) {
    complete(describe(app), context, {arguments.begin() + 1, arguments.end()});
    return true;
  }
  if (arguments[0] == kManCommand && arguments.size() == 2) {
    write_man_pages(describe(app), arguments[1]);
    return true;
  }
  return false;
}

// What goes to the server is text; only files may have other names.
void check_text(const std::vector<std::string>& arguments) {
  std::error_code too_long;
  for (const std::string& argument : arguments)
    if (!is_utf8(argument) && !std::filesystem::exists(argument, too_long))
      throw Error(Code::kInvalidArgument, "'" + argument + "' has bytes that are not UTF-8");
}

int usage_error(const CLI::App& app, const CLI::ParseError& error, Context& context) {
  std::string command = "hooke";
  for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    command += " " + at->get_name();
  }
  std::string what = error.what();
  what.erase(what.find_last_not_of('\n') + 1);
  // CLI11 misses a command where there is a word that is none.
  const auto words = app.remaining(true);
  if (!words.empty() && what.find("subcommand is required") != std::string::npos)
    what = "'" + words.front() + "' is not a command";
  context.note("hooke: " + what + "; see `" + command + " --help`");
  return kBadInput;
}

}  // namespace

Api& Context::api() {
  if (!api_)
    api_ = std::make_unique<Api>(sdk::resolve(connect, environment),
                                 [this](const std::string& text) { note("hooke: " + text); });
  return *api_;
}

void Context::note(const std::string& text) {
  err << inert(text) << std::endl;
}

CLI::App* add_group(CLI::App& parent, const std::string& name, const std::string& description,
                    const std::string& examples) {
  CLI::App* group = parent.add_subcommand(name, description);
  group->require_subcommand(1);
  group->footer("Examples:\n" + examples);
  return group;
}

void add_format(CLI::App& command, Format& format) {
  command
      .add_option_function<std::string>(
          "-o,--output",
          [&format](const std::string& name) {
            format = name == "json" ? Format::kJson : name == "csv" ? Format::kCsv : Format::kTable;
          },
          "table, json or csv; default: table")
      ->check(CLI::IsMember(std::vector<std::string>{"table", "json", "csv"}))
      ->type_name("FORMAT");
}

void add_list_options(CLI::App& command, ListWanted& wanted, const std::string& what) {
  command
      .add_option("--filter", wanted.filter,
                  "Only " + what + " that match, as in the examples below (syntax: AIP-160)")
      ->type_name("FILTER");
  command
      .add_option("--order-by", wanted.order_by,
                  "Fields as in a filter, with commas between; desc after one: the largest first")
      ->type_name("FIELDS");
  command.add_flag("--archived", wanted.archived, "Archived ones too");
}

void add_repeated(CLI::App& command, const std::string& name, std::vector<std::string>& values,
                  const std::string& type, const std::string& description) {
  command.add_option(name, values, description + "; may be repeated")
      ->type_name(type)
      ->type_size(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

ExitCode exit_code(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
    case Code::kNotFound:
    case Code::kOutOfRange:
      return kBadInput;
    case Code::kUnauthenticated:
    case Code::kPermissionDenied:
      return kNotAuthorised;
    default:
      return kFailed;
  }
}

int run(const std::vector<std::string>& arguments, Context& context) {
  CLI::App app(kDescription, "hooke");
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("hooke ") + kVersion + " (" + kGitCommit + ")",
                       "Print the version");
  app.require_subcommand(1);
  app.fallthrough();
  add_shared_options(app, context);
  app.formatter(std::make_shared<HelpFormatter>());
  app.get_help_ptr()->description("Print this page");
  add_commands(app, context);
  try {
    if (!arguments.empty() && hidden_command(app, arguments, context)) return kDone;
    if (arguments.empty()) {
      context.err << app.help();
      return kBadInput;
    }
    check_text(arguments);
    // CLI11 takes the arguments last first.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    context.out.flush();
    if (!context.out) throw Error(Code::kDataLoss, "cannot write to standard output");
    return context.exit_code;
  } catch (const CLI::Success& success) {  // --help, --version
    return app.exit(success, context.out, context.err);
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error, context);
  } catch (const Error& error) {
    context.out.flush();
    context.note("hooke: " + describe(error));
    return exit_code(error.code());
  } catch (const std::exception& error) {
    context.note(std::string("hooke: ") + error.what());
    return kFailed;
  }
}

}  // namespace hooke::cli
