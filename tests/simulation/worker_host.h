// WorkerHost: a machine on which hooke-worker runs. It starts, is killed, is told to stop, starts again.
// Several may share a disk, as nodes of a cluster do.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/attempt.h"
#include "tests/simulation/disk_files.h"

namespace hooke::simulation {

class WorkerHost {
 public:
  WorkerHost(World& world, Network& network, Model& model, Disk& disk, std::string name);

  void start();
  void kill();
  void kill_trainer();
  // SIGTERM; it starts again later.
  void stop() { stopping_ = true; }

  // Nothing passes between it and the server.
  bool link_is_down = false;
  Disk& disk() { return disk_; }

 private:
  // hooke-worker's loop.
  Task<> run();
  Task<scheduling::LeaseGrant> lease();

  World& world_;
  Network& network_;
  Model& model_;
  Disk& disk_;
  DiskFiles files_;
  const std::string name_;
  bool stopping_ = false;
  Attempt* attempt_ = nullptr;  // of the loop
  std::unique_ptr<Process> process_;
  std::optional<Task<>> main_;
};

}  // namespace hooke::simulation
