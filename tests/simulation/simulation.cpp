#include "tests/simulation/simulation.h"

#include <memory>
#include <vector>

#include "tests/simulation/storm.h"
#include "tests/simulation/user.h"
#include "tests/simulation/worker_host.h"

namespace hooke::simulation {
namespace {

// The calm must do with these.
constexpr std::int64_t kCalmSteps = 100'000;

class Simulation {
 public:
  explicit Simulation(const Options& options)
      : options_(options),
        world_(options.seed, options.trace),
        model_(world_),
        server_(world_, model_, options.folder),
        network_(world_, server_),
        user_(world_, network_, model_) {
    const auto workers = 1 + world_.random.below(3);
    const bool share_a_disk = !world_.random.one_in(3);
    for (std::uint64_t i = 0; i < workers; ++i) {
      if (disks_.empty() || !share_a_disk) disks_.push_back(std::make_unique<Disk>(world_));
      workers_.push_back(std::make_unique<WorkerHost>(world_, network_, model_, *disks_.back(),
                                                      "worker " + std::to_string(i + 1)));
    }
    storm_.emplace(world_, network_, server_, workers_);
  }

  void run() {
    server_.start();
    for (auto& worker : workers_) worker->start();
    user_.start();
    storm_->start();
    while (world_.totals.steps < options_.steps) step();
    storm_->end();
    world_.note("calm");
    const std::int64_t last = world_.totals.steps + kCalmSteps;
    while (!user_.has_all()) {
      step();
      if (world_.totals.steps > last) throw Violation("runs do not come to their end: " + user_.waits_for());
    }
    server_.check_all();
    for (const std::string& run : user_.runs()) model_.check_whole(run);
    world_.totals.runs += static_cast<std::int64_t>(user_.runs().size());
    ++world_.totals.seeds;
  }

  Totals totals() const { return world_.totals; }

 private:
  void step() {
    try {
      if (!world_.step()) throw Violation("nothing happens any more");
    } catch (const MachineDied&) {
      storm_->machine_died();
    }
  }

  const Options options_;
  World world_;
  Model model_;
  ServerHost server_;
  Network network_;
  User user_;
  std::vector<std::unique_ptr<Disk>> disks_;
  std::vector<std::unique_ptr<WorkerHost>> workers_;
  std::optional<Storm> storm_;
};

}  // namespace

Outcome simulate(const Options& options) {
  Simulation simulation(options);
  Outcome outcome;
  try {
    simulation.run();
  } catch (const Violation& violation) {
    outcome.violation = violation.what();
  } catch (const std::exception& error) {
    outcome.violation = std::string("an error that nobody caught: ") + error.what();
  }
  outcome.totals = simulation.totals();
  return outcome;
}

}  // namespace hooke::simulation
