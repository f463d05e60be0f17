// What a worker was told on its command line.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

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
  bool keep_spool = false;
  bool allow_torchscript = false;
  int checkpoint_seconds = 300;  // a checkpoint at least this often; 0: only those that runs ask for
  std::uint64_t spool_limit_bytes = 10ull << 30;  // of one attempt
  std::chrono::milliseconds poll_longest{5'000};  // between two questions for work
};

}  // namespace hooke::agent
