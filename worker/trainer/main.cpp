// hooke-trainer: configuration → training → spool file. Parts are put together here; errors are
// caught here and nowhere else.
#include <malloc.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "proto/hooke/error.h"
#include "worker/trainer/options.h"
#include "worker/trainer/spool_recorder.h"
#include "worker/training/train.h"

namespace {

enum ExitCode { kDone = 0, kFailed = 1, kUsage = 2, kStopped = 75 };

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

int run(const hooke::trainer::CommandLine& line, hooke::trainer::SpoolRecorder& recorder) {
  hooke::training::RunOptions options;
  options.device = line.device;
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  options.measuring_threads = line.threads > 0 ? line.threads : std::max(1, cores);
  options.training_threads = line.training_threads;
  options.data_roots = line.data_roots;
  const auto config = hooke::training::parse_config(read_text(line.config));
  const auto outcome = hooke::training::train(config, options, recorder, stop_requested);
  if (outcome == hooke::training::Outcome::kFinished) {
    recorder.succeed();
    return kDone;
  }
  recorder.sync();
  std::cerr << "stopped" << std::endl;
  return kStopped;
}

// The run's own failures are its last record; the agent reads it there.
int run_recorded(const hooke::trainer::CommandLine& line) {
  std::filesystem::create_directories(line.out);
  hooke::trainer::SpoolRecorder recorder(line.out / "records.spool", std::cerr);
  std::string message;
  try {
    return run(line, recorder);
  } catch (const hooke::Error& error) {
    message = hooke::describe(error);
  } catch (const std::exception& error) {
    message = error.what();
  }
  std::cerr << "hooke-trainer: " << message << std::endl;
  recorder.fail(message);
  return kFailed;
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
  try {
    return run_recorded(line);
  } catch (const hooke::Error& error) {
    std::cerr << "hooke-trainer: " << hooke::describe(error) << std::endl;
  } catch (const std::exception& error) {
    std::cerr << "hooke-trainer: " << error.what() << std::endl;
  }
  return kFailed;
}
