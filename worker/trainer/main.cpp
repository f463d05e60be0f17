// hooke-trainer: configuration → training → spool file. Parts are put together here; errors are
// caught here and nowhere else.
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "proto/hooke/error.h"
#include "worker/trainer/about.h"
#include "worker/trainer/checkpoint.h"
#include "worker/trainer/csv_recorder.h"
#include "worker/trainer/fan_out.h"
#include "worker/trainer/options.h"
#include "worker/trainer/progress.h"
#include "worker/trainer/resumption.h"
#include "worker/trainer/segments.h"
#include "worker/trainer/spool_recorder.h"
#include "worker/trainer/system_series.h"
#include "worker/training/train.h"

namespace {

enum ExitCode { kDone = 0, kFailed = 1, kUsage = 2, kNoCheckpoint = 3, kNoSpool = 74, kStopped = 75 };

using hooke::trainer::FanOut;
using hooke::trainer::Offline;
using hooke::trainer::Resumption;
using hooke::trainer::SpoolRecorder;

std::atomic<bool> stop_requested = false;  // set by the signal handler
static_assert(std::atomic<bool>::is_always_lock_free);

void request_stop(int) {
  stop_requested = true;
}

void handle_signals() {
  struct sigaction action = {};
  action.sa_handler = request_stop;
  action.sa_flags = SA_RESTART;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
}

// Keeps freed tensors in the process: by default glibc returns large ones to the kernel, which
// clears every page again at the next step.
void keep_freed_memory() {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the largest that glibc takes
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream stream(path);
  if (!stream) throw hooke::Error(hooke::Code::kNotFound, path.string() + ": cannot be opened", "--config");
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

hooke::training::RunOptions run_options(const hooke::trainer::CommandLine& line) {
  hooke::training::RunOptions options;
  options.device = line.device;
  options.update_batch = line.update_batch;
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  options.measuring_threads = line.threads > 0 ? line.threads : std::max(1, cores);
  options.training_threads = line.training_threads;
  options.data_roots = line.data_roots;
  options.allow_torchscript = line.allow_torchscript;
  options.checkpoint_seconds = line.checkpoint_seconds;
  return options;
}

// Writes the files, with what the machine does among the values.
std::unique_ptr<FanOut> recorder_of(std::vector<hooke::training::Recorder*> files,
                                    const hooke::training::RunOptions& options, bool system_metrics) {
  using hooke::system::Sampler;
  if (!system_metrics) return std::make_unique<FanOut>(std::move(files));
  Sampler sampler(std::max(options.measuring_threads, options.training_threads),
                  hooke::system::Gpus(options.device), Sampler::Clock::now());
  return std::make_unique<hooke::trainer::SystemSeries>(std::move(files), std::move(sampler));
}

int run(const hooke::trainer::CommandLine& line, const std::string& text,
        std::optional<Resumption> resumption, SpoolRecorder& spool) {
  const auto config = hooke::training::parse_config(text);
  std::optional<hooke::training::State> state;
  if (resumption) {
    hooke::trainer::check_same_run(resumption->checkpoint.config, text);
    state = std::move(resumption->checkpoint.state);
    spool.resume(std::move(*resumption));
  }
  const hooke::training::RunOptions options = run_options(line);
  hooke::trainer::Progress progress(std::cerr);
  hooke::trainer::CsvRecorder csv(line.csv);
  std::vector<hooke::training::Recorder*> files = {&spool};
  // Before the spool: a checkpoint, which the spool's recorder writes, must not be ahead of the files.
  if (!line.csv.empty()) files.insert(files.begin(), &csv);
  const auto recorded = recorder_of(files, options, line.system_metrics);
  FanOut all({recorded.get(), &progress});
  const auto outcome = hooke::training::train(config, options, std::move(state), all, stop_requested);
  if (outcome == hooke::training::Outcome::kFinished) {
    spool.succeed();
    progress.done();
    return kDone;
  }
  spool.sync();
  std::cerr << "stopped" << std::endl;
  return kStopped;
}

// The run's own failures are its last record; the agent reads it there.
int run_recorded(
    const hooke::trainer::CommandLine& line, const std::optional<Offline>& offline,
    std::function<void()> after_checkpoint = [] {}) {
  std::optional<Resumption> resumption =
      hooke::trainer::read_first(line.resume, {line.resend_after, line.resume_step}, std::cerr);
  if (!line.resume.empty() && !resumption && !line.alone) return kNoCheckpoint;
  const std::string text = read_text(line.config);
  std::filesystem::create_directories(line.out);
  SpoolRecorder spool(line.out, text, std::cerr, {line.spool_limit_bytes});
  if (offline) spool.set_offline(*offline);
  spool.set_after_checkpoint(std::move(after_checkpoint));
  std::string message;
  try {
    return run(line, text, std::move(resumption), spool);
  } catch (const hooke::Error& error) {
    message = hooke::describe(error);
  } catch (const std::exception& error) {
    message = error.what();
  }
  std::cerr << "hooke-trainer: " << message << std::endl;
  try {
    spool.fail(message);
  } catch (const hooke::Error& error) {
    std::cerr << "hooke-trainer: " << hooke::describe(error) << std::endl;
    return kNoSpool;
  }
  return kFailed;
}

// The next segment of a run without a server.
int run_alone(hooke::trainer::CommandLine line) {
  const hooke::trainer::Segment segment = hooke::trainer::next_segment(line.out);
  if (segment.finished) {
    std::cerr << "this run has finished; what it recorded is in " << line.out.string() << std::endl;
    return kDone;
  }
  const std::filesystem::path whole = line.out;
  if (line.csv.empty()) line.csv = whole;
  line.out = segment.folder;
  line.resume = segment.checkpoints;
  std::optional<Offline> offline;
  if (!line.offline_uuid.empty()) {
    offline = Offline{line.offline_uuid, segment.number, segment.predecessor_last_record};
  }
  return run_recorded(line, offline, [whole] { hooke::trainer::drop_old_checkpoints(whole); });
}

}  // namespace

int main(int argc, char** argv) {
  handle_signals();
  keep_freed_memory();
  hooke::trainer::CommandLine line;
  try {
    line = hooke::trainer::parse_command_line({argv + 1, argv + argc});
  } catch (const hooke::Error& error) {
    std::cerr << "hooke-trainer: " << hooke::describe(error) << std::endl;
    return kUsage;
  }
  if (line.answer) {
    std::cout << *line.answer;
    return kDone;
  }
  if (line.about) {
    std::cout << hooke::trainer::about(line.data_roots) << std::endl;
    return kDone;
  }
  try {
    return line.alone ? run_alone(line) : run_recorded(line, std::nullopt);
  } catch (const hooke::Error& error) {
    std::cerr << "hooke-trainer: " << hooke::describe(error) << std::endl;
  } catch (const std::exception& error) {
    std::cerr << "hooke-trainer: " << error.what() << std::endl;
  }
  return kFailed;
}
