// Storm: what goes wrong, when, and for how long; all of it by chance. Each storm has a character of its own:
// some kinds of fault are frequent, others rare or absent.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "tests/simulation/network.h"
#include "tests/simulation/task.h"
#include "tests/simulation/worker_host.h"

namespace hooke::simulation {

class Storm {
 public:
  using Workers = std::vector<std::unique_ptr<WorkerHost>>;

  Storm(World& world, Network& network, ServerHost& server, const Workers& workers);

  void start();
  // Nothing more goes wrong: everything is whole again, and runs.
  void end();
  // A worker's machine has died in the middle of an operation on its disk.
  void machine_died();

 private:
  struct Fault {
    std::uint64_t weight;
    std::function<void()> happens;
  };

  Task<> blow();
  WorkerHost& any_worker() { return *workers_[world_.random.below(workers_.size())]; }
  void lose_power_of(Disk& disk, bool power_lost);
  void start_later(WorkerHost& worker);
  void trouble(Disk& disk);
  void part(WorkerHost& worker);
  void after(TimeUs most, std::function<void()> what);

  World& world_;
  Network& network_;
  ServerHost& server_;
  const Workers& workers_;
  std::vector<Fault> faults_;
  TimeUs every_ = 0;
  Process process_;
  std::optional<Task<>> main_;
};

}  // namespace hooke::simulation
