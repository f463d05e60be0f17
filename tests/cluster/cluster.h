// A real Slurm on this machine's loopback, with virtual nodes, in a temporary folder of its own; and a
// server with the programs, as one house.
//
// Owned by a test; used from its thread. What was started is ended with it, by process id.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/integration/harness.h"

namespace hooke::harness {

class Cluster {
 public:
  // Starts it. Throws std::runtime_error with what slurm-up.sh said.
  explicit Cluster(int nodes);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // SLURM_CONF, for programs that shall speak to it.
  Environment environment() const;

  // Runs a program of Slurm to its end.
  Result run(const std::vector<std::string>& command);
  // The same, which must succeed; returns stdout.
  std::string answer(const std::vector<std::string>& command);

  // A field of `scontrol -o show job` of a task, as field("12_0", "JobState"); empty for an unknown task.
  std::string field(const std::string& task, const std::string& name);

  // The process of this name that runs on the node; 0 when there is none.
  pid_t process_on(const std::string& node, const std::string& name);

  // Kills the node's daemon and what runs there, as a power cut would.
  void kill_node(const std::string& node);

 private:
  Result slurm_up(const std::string& verb);

  std::filesystem::path folder_;
  int nodes_;
  int port_;
  int commands_ = 0;
};

}  // namespace hooke::harness
