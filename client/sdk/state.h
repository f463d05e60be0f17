// The user's state folder and what `hooke up` records there: where its server is, and which
// processes it started.
//
// Plain values, standard library only. The file is written by `hooke up` and `hooke down` alone,
// under the lock that they hold; anyone may read it (it is replaced in one step).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "client/sdk/endpoint.h"

namespace hooke::sdk {

// A process, told apart from a later one with the same number.
struct ProcessRecord {
  std::string role;  // "hooked" or "hooke-worker"
  int pid = 0;
  std::uint64_t start_time = 0;  // field 22 of /proc/PID/stat, clock ticks since boot
  std::string boot_id;           // /proc/sys/kernel/random/boot_id

  bool operator==(const ProcessRecord&) const = default;
};

// What is up.
struct UpState {
  std::string address;       // gRPC, host:port
  std::string http_address;  // HTTP, host:port
  std::string token_file;
  std::vector<std::string> data_roots;
  std::vector<ProcessRecord> processes;  // the server first, then its workers
  bool allow_torchscript = false;        // of the workers
};

// ${XDG_STATE_HOME:-~/.local/state}/hooke. Throws hooke::Error (kInvalidArgument) without a home.
std::filesystem::path state_folder(const Environment& environment);

// What is recorded below `folder`; nothing when nothing is, or when it cannot be read as such.
std::optional<UpState> read_up_state(const std::filesystem::path& folder);

// Replaces the record in one step; the file is the user's alone (mode 0600).
void write_up_state(const std::filesystem::path& folder, const UpState& state);

// Removes the record; absent is no error.
void remove_up_state(const std::filesystem::path& folder);

}  // namespace hooke::sdk
