// What a worker was told on its command line.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hooke/v1/resources.pb.h"

namespace hooke::agent {

struct Options {
  std::string name;  // unique among workers that are alive
  std::map<std::string, std::string> labels;
  std::vector<std::string> devices{"cpu"};
  int threads = 1;
  std::filesystem::path spool;    // folder; SPOOL/RUN/ATTEMPT/ belongs to one attempt
  std::filesystem::path trainer;  // hooke-trainer
  std::vector<std::filesystem::path> data_roots;
  std::string run;  // only this run; empty: whatever is queued
  bool once = false;
  bool offline = false;  // the run of SPOOL/RUN/run.json, without a server
  bool keep_spool = false;
  bool allow_torchscript = false;
  bool no_system_metrics = false;
  int checkpoint_seconds = 300;  // a checkpoint at least this often; 0: only those that runs ask for
  std::uint64_t spool_limit_bytes = 10ull << 30;  // of one attempt
  std::chrono::milliseconds poll_longest{5'000};  // between two questions for work
  std::chrono::seconds idle_longest{0};           // it ends after this long without a run; 0: never
  std::optional<v1::SlurmJob> slurm;              // the Slurm task that it is
  // Set, when it must stop, because the task's time limit comes; may be null.
  const std::atomic<bool>* time_is_up = nullptr;
};

}  // namespace hooke::agent
