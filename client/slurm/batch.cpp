#include "client/slurm/batch.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "client/slurm/jobs.h"
#include "proto/hooke/error.h"

namespace hooke::slurm {
namespace {

constexpr long kWarningSeconds = 120;

// One line of printable bytes.
void require_line(const char* field, const std::string& text) {
  const auto odd =
      std::find_if(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (odd != text.end()) throw invalid(field, "'" + text + "' has a line break or another control character");
}

// As one word of the shell.
std::string quoted(const std::string& text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,@+";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// As the value of an #SBATCH line: words with spaces stand in quotes there.
std::string sbatch_value(const std::string& text) {
  return text.find_first_of(" \t'") == std::string::npos ? text : "\"" + text + "\"";
}

// A path in --output, where % begins a placeholder.
std::string literal_path(const std::string& path) {
  std::string out;
  for (const char c : path) out += c == '%' ? std::string("%%") : std::string(1, c);
  return out;
}

class Script {
 public:
  void line(const std::string& text) { text_ += text + "\n"; }
  void option(const std::string& name, const std::string& value) {
    require_line("--sbatch", name + "=" + value);
    line("#SBATCH --" + name + (value.empty() ? "" : "=" + sbatch_value(value)));
  }
  void option_if(bool given, const std::string& name, const std::string& value) {
    if (given) option(name, value);
  }
  std::string text() const { return text_; }

 private:
  std::string text_ = "#!/bin/bash\n";
};

void add_options(Script& script, const Batch& batch) {
  const Wanted& wanted = batch.wanted;
  const auto tasks = batch.runs.empty() ? static_cast<std::size_t>(batch.tasks) : batch.runs.size();
  std::string array = "0-" + std::to_string(tasks - 1);
  if (wanted.array_limit > 0) array += "%" + std::to_string(wanted.array_limit);
  script.option("job-name", batch.name);
  script.option("array", array);
  script.option("ntasks", "1");
  script.option("requeue", "");
  script.option("open-mode", "append");  // a requeued task goes on in its log
  script.option("output", literal_path((batch.folder / "").string()) + "%a.log");
  script.option("signal", "B:USR1@" + std::to_string(warning_seconds(wanted.time)));
  script.option_if(!wanted.partition.empty(), "partition", wanted.partition);
  script.option_if(!wanted.account.empty(), "account", wanted.account);
  script.option_if(!wanted.time.empty(), "time", wanted.time);
  script.option_if(wanted.gpus > 0, "gpus", std::to_string(wanted.gpus));
  for (const auto& [name, value] : wanted.options) script.option(name, value);
}

}  // namespace

std::pair<std::string, std::string> parse_option(const std::string& text) {
  const auto equals = text.find('=');
  const std::string name = text.substr(0, equals);
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz-";
  if (name.empty() || name[0] == '-' || name.find_first_not_of(kLetters) != std::string::npos)
    throw invalid("--sbatch",
                  "'" + text + "' is not allowed; a long option of sbatch without its dashes, as mem=16G");
  constexpr std::array<std::string_view, 5> kOurs{"array", "parsable", "wrap", "test-only", "no-requeue"};
  if (std::find(kOurs.begin(), kOurs.end(), name) != kOurs.end())
    throw invalid("--sbatch", "'" + name + "' is not allowed; the array and its requeueing are Hooke's");
  std::string value = equals == std::string::npos ? "" : text.substr(equals + 1);
  require_line("--sbatch", value);
  if (value.find('"') != std::string::npos)
    throw invalid("--sbatch",
                  "'" + text + "' is not allowed; a batch script has no double quotes in its values");
  return {name, value};
}

void check(const Wanted& wanted) {
  if (!wanted.time.empty() && wanted.time != "UNLIMITED" && !parse_time(wanted.time))
    throw invalid("--time", "'" + wanted.time + "' is not a time limit; minutes, HH:MM:SS or D-HH:MM:SS");
  for (const auto& [name, value] :
       {std::pair("--partition", wanted.partition), {"--account", wanted.account}}) {
    require_line(name, value);
    if (value.find_first_of(" \"'") != std::string::npos)
      throw invalid(name, "'" + value + "' is not allowed; one word");
  }
}

long warning_seconds(const std::string& time) {
  const auto limit = parse_time(time);
  return limit && *limit > 0 ? std::clamp(*limit / 4, 1L, kWarningSeconds) : kWarningSeconds;
}

std::string batch_script(const Batch& batch) {
  for (const std::string& word : batch.worker) require_line("--spool", word);
  require_line("--spool", batch.folder.string());
  Script script;
  script.line("# " + batch.about);
  add_options(script, batch);
  script.line("");
  script.line("trap '' USR1  # until hooke-worker listens to the warning before the time limit");
  std::string command = "exec";
  for (const std::string& word : batch.worker) command += " " + quoted(word);
  if (batch.runs.empty()) {
    script.line(command);
    return script.text();
  }
  script.line("runs=(");
  for (const std::string& run : batch.runs) script.line("  " + quoted(run));
  script.line(")");
  script.line(command + " --run \"${runs[SLURM_ARRAY_TASK_ID]}\"");
  return script.text();
}

}  // namespace hooke::slurm
