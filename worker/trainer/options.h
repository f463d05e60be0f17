// The command line of hooke-trainer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace hooke::trainer {

struct CommandLine {
  std::filesystem::path config;
  std::filesystem::path out;
  int threads = 0;  // 0: the machine's
  int training_threads = 1;
  std::string device = "cpu";  // several with commas
  int update_batch = 0;        // 0: by the device's memory
  std::vector<std::filesystem::path> data_roots;
  bool allow_torchscript = false;
  int checkpoint_seconds = 0;
  std::uint64_t spool_limit_bytes = 10ull << 30;
  std::vector<std::filesystem::path> resume;  // checkpoints; the first that is whole is taken
  std::optional<std::uint64_t> resend_after;
  std::optional<std::int64_t> resume_step;
  std::filesystem::path csv;  // empty: no CSV files
  bool system_metrics = true;
  bool alone = false;
  std::string offline_uuid;
  bool about = false;                 // say what this machine offers, and end
  std::optional<std::string> answer;  // --help or --version: print this and end
};

// Throws hooke::Error (kInvalidArgument, the option as field).
CommandLine parse_command_line(const std::vector<std::string>& arguments);

}  // namespace hooke::trainer
