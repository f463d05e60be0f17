// The trainer as a child process.
//
// Owned by the attempt; used from one thread. It is started by the thread that calls the
// constructor and dies with that thread, so that a killed agent leaves no trainer behind.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "hooke/v1/resources.pb.h"

namespace hooke::agent {

// How often a trainer that runs is looked at.
constexpr std::chrono::milliseconds kTrainerPoll{50};
// How long a stopping worker waits for its trainer's checkpoint: less than the half minute that Slurm gives.
constexpr int kTrainerGraceMs = 20'000;
// Of a trainer's log, what is told of a run that failed.
constexpr std::size_t kLogLines = 50;
// Exit status of a trainer that could read no checkpoint.
constexpr int kExitNoCheckpoint = 3;

// How a process ended: an exit status or a signal.
struct ProcessEnd {
  int exit_status = 0;
  int signal = 0;  // 0: it exited
};

class TrainerProcess {
 public:
  // Starts `command` (path first) with its output appended to `log`.
  // Throws hooke::Error (kUnavailable) when it cannot be started.
  TrainerProcess(const std::vector<std::string>& command, const std::filesystem::path& log);
  // Kills it when it still runs.
  ~TrainerProcess();
  TrainerProcess(const TrainerProcess&) = delete;
  TrainerProcess& operator=(const TrainerProcess&) = delete;

  // How it ended; nullopt while it runs.
  std::optional<ProcessEnd> poll();

  // SIGTERM, then SIGKILL after `grace_ms`; returns how it ended.
  ProcessEnd stop(int grace_ms);

  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  std::optional<ProcessEnd> end_;
};

// What a trainer that ended so said last, of the last lines of its log; empty when it said nothing.
std::string complaint(const ProcessEnd& end, const std::vector<std::string>& log);

// The reason as it stands on a run, as "trainer killed by signal 9 (Killed)", with its complaint.
v1::Reason reason_of(const ProcessEnd& end, const std::vector<std::string>& log);

// The last lines of a text file, at most `lines` of at most 2000 bytes each; none when it is absent.
std::vector<std::string> tail(const std::filesystem::path& file, std::size_t lines);

}  // namespace hooke::agent
