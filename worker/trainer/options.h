// The command line of hooke-trainer.
#pragma once

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
  std::string device = "cpu";
  std::vector<std::filesystem::path> data_roots;
  std::optional<std::string> answer;  // --help or --version: print this and end
};

// Throws hooke::Error (kInvalidArgument, the option as field).
CommandLine parse_command_line(const std::vector<std::string>& arguments);

}  // namespace hooke::trainer
