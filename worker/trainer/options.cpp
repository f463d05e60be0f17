#include "worker/trainer/options.h"

#include <charconv>

#include "hooke_version.h"
#include "proto/hooke/error.h"

namespace hooke::trainer {
namespace {

constexpr const char* kHelp =
    R"(hooke-trainer: trains one network, measures it, and writes what it records to a file.

Usage: hooke-trainer --config FILE.json --out DIR [options]

  --config FILE         configuration: canonical JSON, as the server stores it
  --out DIR             folder for records.spool, which must not exist yet
  --data-root DIR       folder below which data may be read; may be given several times
  --device NAME         device of LibTorch: cpu (default), cuda:0, …
  --threads N           threads that measure (default: all cores); they change no result
  --training-threads N  threads that train (default: 1); results are the same bits for the same N
  --help, --version

Example: hooke-trainer --config run.json --out out --data-root /usr/share/datasets

Exit codes: 0 done, 1 the run failed (its reason is the last record), 2 bad usage,
75 stopped by SIGTERM or SIGINT.
)";

int parse_count(const std::string& option, const std::string& text) {
  int value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || value < 1) {
    throw invalid(option, "'" + text + "' is not a number of at least 1");
  }
  return value;
}

}  // namespace

CommandLine parse_command_line(const std::vector<std::string>& arguments) {
  CommandLine line;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& option = arguments[i];
    if (option == "--help") {
      line.answer = kHelp;
      return line;
    }
    if (option == "--version") {
      line.answer = std::string("hooke-trainer ") + kVersion + " (" + kGitCommit + ")\n";
      return line;
    }
    const auto value = [&] {
      if (i + 1 == arguments.size()) throw invalid(option, "needs a value");
      return arguments[++i];
    };
    if (option == "--config") {
      line.config = value();
    } else if (option == "--out") {
      line.out = value();
    } else if (option == "--data-root") {
      line.data_roots.emplace_back(value());
    } else if (option == "--device") {
      line.device = value();
    } else if (option == "--threads") {
      line.threads = parse_count(option, value());
    } else if (option == "--training-threads") {
      line.training_threads = parse_count(option, value());
    } else {
      throw invalid(option, "there is no such option; see hooke-trainer --help");
    }
  }
  if (line.config.empty()) throw invalid("--config", "required; see hooke-trainer --help");
  if (line.out.empty()) throw invalid("--out", "required; see hooke-trainer --help");
  return line;
}

}  // namespace hooke::trainer
