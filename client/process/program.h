// Other programs (sbatch, scontrol, hooke-trainer, …) as functions. Any thread may call.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace hooke::process {

// What a program that ended left. Status 127: it is not there; 124: it did not end in time.
struct Output {
  int status = 0;
  std::string out;
  std::string err;
};

inline constexpr int kNotThere = 127;
inline constexpr int kNotInTime = 124;

// Runs `command` (found by PATH) to its end, with `input` on its standard input. It gets this process's
// environment without HOOKE_TOKEN: what sbatch sees, every task would. One that does not end in `patience`
// is killed. Throws hooke::Error (kUnavailable) when no process can be made.
Output run_program(const std::vector<std::string>& command, const std::string& input = {},
                   std::chrono::milliseconds patience = std::chrono::seconds(60));

// What `command` prints; nothing when it cannot be run, fails or does not end in `patience`. Does not throw.
std::optional<std::string> output_of(const std::vector<std::string>& command,
                                     std::chrono::milliseconds patience = std::chrono::seconds(60));

// What it said of its failure: its last words, or what its status means.
std::string complaint(const std::vector<std::string>& command, const Output& output);

}  // namespace hooke::process
