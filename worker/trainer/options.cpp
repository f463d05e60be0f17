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
  --out DIR             folder for records.spool, which must not exist yet, and checkpoints
  --data-root DIR       folder below which data may be read; may be given several times
  --device NAMES        devices of LibTorch: cpu (default), cuda:0, or several as cuda:0,cuda:1: the
                        first trains (with training.data_parallel all), all measure
  --update-batch N      measured updates side by side on a device (default: by its memory; on the CPU
                        one in each thread, which is faster there)
  --threads N           threads that measure (default: all cores); they change no result
  --training-threads N  threads that train (default: 1); results are the same bits for the same N
  --allow-torchscript   run TorchScript programs that the configuration names, from the data roots
  --checkpoint-seconds N  a checkpoint at least every N seconds, beside those that the configuration
                        asks for (default: none); it changes no result
  --spool-limit BYTES   space for records.spool (default: 10 GiB); the run fails when it is used up
  --csv DIR             also write one CSV file for each series, as DIR/train/loss.csv
  --no-system-metrics   leave out the series system/*: what the CPU, the memory and the GPUs do
  --alone               for a run by hand: each start writes DIR/1, DIR/2, …, goes on from the newest
                        checkpoint there, and writes the CSV files into DIR
  --resume FILE         go on from a checkpoint; may be given several times, the newest first:
                        the first one that is not damaged is taken
  --resend-after N      with --resume: the server has only the first N records of the spool beside
                        the checkpoint; the rest, up to the checkpoint, is recorded again
  --resume-step S       with --resend-after: step of the last barrier that the server has (default:
                        it has none)
  --offline-uuid UUID   with --alone: the run's UUID, which a server will know it by
  --about               print what this machine offers, as JSON: BLAS, devices, data sets; train nothing
  --help, --version

Example: hooke-trainer --config run.json --out out --alone --data-root /usr/share/datasets

Exit codes: 0 done, 1 the run failed (its reason is the last record), 2 bad usage,
3 none of the checkpoints can be read, or not the records to send again (nothing was recorded),
75 stopped by SIGTERM or SIGINT.
)";

template <typename T>
T parse_number(const std::string& option, const std::string& text, T least) {
  T value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || value < least) {
    throw invalid(option, "'" + text + "' is not a number of at least " + std::to_string(least));
  }
  return value;
}

void check(const CommandLine& line) {
  if (line.about) return;
  if (line.config.empty()) throw invalid("--config", "required; see hooke-trainer --help");
  if (line.out.empty()) throw invalid("--out", "required; see hooke-trainer --help");
  if (line.resend_after && line.resume.empty()) throw invalid("--resend-after", "needs --resume");
  if (line.resume_step && !line.resend_after) throw invalid("--resume-step", "needs --resend-after");
  if (line.alone && !line.resume.empty()) throw invalid("--resume", "--alone finds the checkpoint itself");
  if (!line.offline_uuid.empty() && !line.alone) throw invalid("--offline-uuid", "needs --alone");
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
    } else if (option == "--update-batch") {
      line.update_batch = parse_number(option, value(), 1);
    } else if (option == "--threads") {
      line.threads = parse_number(option, value(), 1);
    } else if (option == "--training-threads") {
      line.training_threads = parse_number(option, value(), 1);
    } else if (option == "--allow-torchscript") {
      line.allow_torchscript = true;
    } else if (option == "--checkpoint-seconds") {
      line.checkpoint_seconds = parse_number(option, value(), 0);
    } else if (option == "--spool-limit") {
      line.spool_limit_bytes = parse_number<std::uint64_t>(option, value(), 1);
    } else if (option == "--csv") {
      line.csv = value();
    } else if (option == "--no-system-metrics") {
      line.system_metrics = false;
    } else if (option == "--about") {
      line.about = true;
    } else if (option == "--alone") {
      line.alone = true;
    } else if (option == "--resume") {
      line.resume.emplace_back(value());
    } else if (option == "--resend-after") {
      line.resend_after = parse_number<std::uint64_t>(option, value(), 0);
    } else if (option == "--resume-step") {
      line.resume_step = parse_number<std::int64_t>(option, value(), 0);
    } else if (option == "--offline-uuid") {
      line.offline_uuid = value();
    } else {
      throw invalid(option, "there is no such option; see hooke-trainer --help");
    }
  }
  check(line);
  return line;
}

}  // namespace hooke::trainer
