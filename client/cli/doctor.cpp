// hooke doctor
#include <filesystem>
#include <nlohmann/json.hpp>
#include <ostream>

#include "client/cli/audit.h"
#include "client/cli/commands.h"
#include "client/cli/resources.h"
#include "client/cli/spool_folders.h"
#include "client/cli/text.h"

namespace hooke::cli {
namespace {

struct DoctorOptions {
  bool verify = false;
  std::string against;
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

// Who can be reached, and whether anybody works.
void look_around(Context& context, const DoctorOptions& options) {
  const v1::Statistics facts = context.api().get_statistics();
  const auto workers = context.api().list_workers();
  const bool csv = options.format == Format::kCsv;
  Grid grid{{"check", "result"}, {}};
  grid.rows.push_back({"server", context.api().endpoint().address + " answers, version " + facts.version()});
  grid.rows.push_back({"token", "accepted"});
  grid.rows.push_back(
      {"disk free", csv ? std::to_string(facts.disk_free_bytes()) : bytes(facts.disk_free_bytes())});
  grid.rows.push_back({"workers", std::to_string(workers.size())});
  if (workers.empty())
    context.note("hooke: no worker was seen lately; `hooke up` or `hooke-worker` starts one");
  if (options.format == Format::kJson) {
    nlohmann::ordered_json report;
    for (const auto& row : grid.rows) report[row[0]] = row[1];
    context.out << report.dump(2) << "\n";
    return;
  }
  csv ? print_csv(context.out, grid) : print_facts(context.out, grid);
}

}  // namespace

void add_doctor(CLI::App& app, Context& context) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* command = add_command<DoctorOptions>(
      app, "doctor",
      "Whether all is well: the server, its database, what is stored against what was recorded",
      "  hooke doctor                                    can the server be reached, does anybody work\n"
      "  hooke doctor --verify                           checks the whole database\n"
      "  hooke doctor --verify --against /shared/spool   compares it with spools, value by value: those of\n"
      "                                                  workers (--keep-spool) and of `hooke-worker run`\n"
      "Exit code 1 when something is wrong.",
      options, [&](const DoctorOptions& given) {
        given.verify ? verify(context, given) : look_around(context, given);
      });
  CLI::Option* check = command->add_flag("--verify", options->verify, "Check the server's database");
  command
      ->add_option("--against", options->against, "Compare what is stored with every spool below this folder")
      ->type_name("DIR")
      ->needs(check);
  add_format(*command, options->format);
}

}  // namespace hooke::cli
