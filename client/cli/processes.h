// The processes of `hooke up`: starting them in the background, and telling them from strangers
// that got the same number later.
//
// Functions without state, for one thread: the caller holds the state folder's lock.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "client/sdk/state.h"

namespace hooke::cli {

// What to start.
struct Command {
  std::string role;  // as in ProcessRecord
  std::filesystem::path program;
  std::vector<std::string> arguments;
  // Set for the program; an empty value unsets.
  std::vector<std::pair<std::string, std::string>> environment;
  std::filesystem::path log;  // standard output and error are appended here
};

// Starts it in a session of its own, without a terminal. Throws hooke::Error when it cannot be
// started; a program that ends at once is seen by alive() only.
sdk::ProcessRecord start(const Command& command);

// Whether exactly this process still runs.
bool alive(const sdk::ProcessRecord& process);

// SIGTERM to all, then SIGKILL to those that are left after `patience`. Strangers are not touched.
// Returns how many had to be killed.
int stop(const std::vector<sdk::ProcessRecord>& processes, std::chrono::milliseconds patience);

// The last lines of a log, for an error message; empty when there are none.
std::string tail(const std::filesystem::path& log, std::size_t lines);

// The state folder, made with mode 0700, locked for as long as this lives.
class StateLock {
 public:
  // Throws hooke::Error: cannot be made, or another `hooke up` or `hooke down` holds it.
  explicit StateLock(const std::filesystem::path& folder);
  ~StateLock();
  StateLock(const StateLock&) = delete;
  StateLock& operator=(const StateLock&) = delete;

 private:
  int file_ = -1;
};

// Whether something listens on this port of 127.0.0.1 (or it cannot be had for another reason).
bool port_taken(int port);

}  // namespace hooke::cli
