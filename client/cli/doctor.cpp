// hooke doctor
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>

#include "client/cli/audit.h"
#include "client/cli/checkup.h"
#include "client/cli/commands.h"
#include "client/cli/resources.h"
#include "client/cli/spool_folders.h"
#include "client/cli/text.h"

namespace hooke::cli {
namespace {

struct DoctorOptions {
  bool verify = false;
  std::string against;
  std::vector<std::filesystem::path> data_roots{"/usr/share/datasets"};
  Format format = Format::kTable;
};

struct Checked {
  std::string run;  // id; of a run that the server does not have: as its folder says
  std::string experiment;
  std::string folder;
  Audit audit;
};

std::vector<Checked> check_spools(Context& context, const std::string& folder) {
  const auto spools = find_spools(folder);
  if (spools.empty())
    throw invalid("--against",
                  "'" + folder + "' holds no spool of a worker, nor a run made without a server");
  std::vector<Checked> all;
  for (const SpoolRun& one : spools) {
    const auto run = find_run(context.api(), one.id);
    if (!run) {
      context.note("hooke: " + one.folder.string() + ": the server has no run " + one.id +
                   (one.offline ? "; `hooke sync` sends it" : ""));
      continue;
    }
    if (context.terminal.err)
      context.note("comparing run " + run->run_id() + " with " + one.folder.string() + " …");
    all.push_back({run->run_id(), experiment_of(run->name()), one.folder.string(),
                   audit_run(context.api(), run->name(), one)});
  }
  return all;
}

void note_findings(Context& context, const v1::VerifyResponse& database, const std::vector<Checked>& runs) {
  for (const std::string& problem : database.problems()) context.note("database: " + problem);
  for (const Checked& run : runs) {
    for (const std::string& text : run.audit.remarks) context.note(run.run + ": not compared: " + text);
    for (const std::string& text : run.audit.examples) context.note(run.run + ": " + text);
  }
}

void print_json_report(std::ostream& out, const v1::VerifyResponse& database,
                       const std::vector<Checked>& runs) {
  nlohmann::ordered_json report{{"problems", nlohmann::ordered_json::array()},
                                {"runs", nlohmann::ordered_json::array()}};
  for (const std::string& problem : database.problems()) report["problems"].push_back(problem);
  for (const Checked& run : runs)
    report["runs"].push_back({{"run", run.run},
                              {"experiment", run.experiment},
                              {"folder", run.folder},
                              {"compared", run.audit.compared},
                              {"missing", run.audit.missing},
                              {"different", run.audit.different},
                              {"unexpected", run.audit.unexpected},
                              {"notComparable", run.audit.not_comparable},
                              {"examples", run.audit.examples},
                              {"remarks", run.audit.remarks}});
  out << report.dump(2) << "\n";
}

void verify(Context& context, const DoctorOptions& options) {
  const v1::VerifyResponse database = context.api().verify();
  const auto runs = options.against.empty() ? std::vector<Checked>() : check_spools(context, options.against);
  bool clean = database.problems().empty();
  for (const Checked& run : runs) clean = clean && run.audit.clean();
  context.exit_code = clean ? kDone : kFailed;
  note_findings(context, database, runs);
  if (options.format == Format::kJson) return print_json_report(context.out, database, runs);
  const bool csv = options.format == Format::kCsv;
  if (!csv)
    context.out << "database   "
                << (database.problems().empty() ? "sound" : plural(database.problems_size(), "problem"))
                << "\n";
  if (options.against.empty() && !csv) return;
  Grid grid{{"run", "experiment", "compared", "missing", "different", "unexpected",
             csv ? "not_comparable" : "not comparable", "folder"},
            {}};
  for (const Checked& run : runs)
    grid.rows.push_back({run.run, run.experiment, std::to_string(run.audit.compared),
                         std::to_string(run.audit.missing), std::to_string(run.audit.different),
                         std::to_string(run.audit.unexpected), std::to_string(run.audit.not_comparable),
                         run.folder});
  csv ? print_csv(context.out, grid) : print_table(context.out, grid);
}

const char* word_of(Verdict verdict) {
  return verdict == Verdict::kOk ? "ok" : verdict == Verdict::kWarning ? "warning" : "fails";
}

std::string coloured(const Context& context, Verdict verdict) {
  const std::string word = pad_right(word_of(verdict), 7);
  if (!context.terminal.colour) return word;
  // Green, yellow, red of a terminal's 256.
  const char* colour = verdict == Verdict::kOk ? "34" : verdict == Verdict::kWarning ? "178" : "160";
  return std::string("\x1b[38;5;") + colour + "m" + word + "\x1b[0m";
}

void print_checks(const Context& context, const std::vector<Check>& checks) {
  std::size_t widest = 0;
  for (const Check& check : checks) widest = std::max(widest, width(check.name));
  const std::string indent(widest + 11, ' ');
  for (const Check& check : checks) {
    context.out << coloured(context, check.verdict) << "  " << pad_right(check.name, widest) << "  "
                << check.found << "\n";
    std::istringstream lines(check.advice);
    for (std::string line; std::getline(lines, line);) context.out << indent << line << "\n";
  }
}

void print_json_checks(std::ostream& out, const std::vector<Check>& checks) {
  nlohmann::ordered_json report = nlohmann::ordered_json::array();
  for (const Check& check : checks)
    report.push_back({{"check", check.name},
                      {"verdict", word_of(check.verdict)},
                      {"found", check.found},
                      {"advice", check.advice}});
  out << report.dump(2) << "\n";
}

// Who can be reached, and what this machine offers.
void look_around(Context& context, const DoctorOptions& options) {
  std::vector<Check> checks = check_server(context);
  for (Check& check : check_machine(context, options.data_roots)) checks.push_back(std::move(check));
  for (const Check& check : checks)
    if (check.verdict == Verdict::kFails) context.exit_code = kFailed;
  if (options.format == Format::kJson) return print_json_checks(context.out, checks);
  if (options.format == Format::kTable) return print_checks(context, checks);
  Grid grid{{"check", "verdict", "found", "advice"}, {}};
  for (const Check& check : checks)
    grid.rows.push_back({check.name, word_of(check.verdict), check.found, check.advice});
  print_csv(context.out, grid);
}

}  // namespace

void add_doctor(CLI::App& app, Context& context) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* command = add_command<DoctorOptions>(
      app, "doctor",
      "Whether all is well, and what to do: server, this machine, what is stored against what was recorded",
      "  hooke doctor                                    the server, its clock and disk; BLAS, GPU, data "
      "here\n"
      "  hooke doctor --verify                           checks the whole database\n"
      "  hooke doctor --verify --against /shared/spool   compares it with spools, value by value: those of\n"
      "                                                  workers (--keep-spool) and of `hooke-worker run`\n"
      "Exit code 1 when something fails; a warning is none.",
      options, [&](const DoctorOptions& given) {
        given.verify ? verify(context, given) : look_around(context, given);
      });
  CLI::Option* check = command->add_flag("--verify", options->verify, "Check the server's database");
  command
      ->add_option("--against", options->against, "Compare what is stored with every spool below this folder")
      ->type_name("DIR")
      ->needs(check);
  command
      ->add_option(
          "--data-root", options->data_roots,
          "Folder below which data sets are looked for; may be repeated; default: /usr/share/datasets")
      ->type_name("DIR")
      ->excludes(check);
  add_format(*command, options->format);
}

}  // namespace hooke::cli
