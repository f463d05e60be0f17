#include "tests/simulation/storm.h"

namespace hooke::simulation {

Storm::Storm(World& world, Network& network, ServerHost& server, const Workers& workers)
    : world_(world), network_(network), server_(server), workers_(workers), process_(world) {
  Random& random = world.random;
  every_ = kSecond / 2 << random.below(6);
  network.faults.lost = static_cast<unsigned>(random.below(4) * 20);
  network.faults.repeated = static_cast<unsigned>(random.below(4) * 50);
  network.faults.longest_delay = kMs << random.below(9);
  const auto add = [&](std::uint64_t weight, std::function<void()> happens) {
    faults_.push_back({random.one_in(3) ? 0 : weight * (1 + random.below(4)), std::move(happens)});
  };
  faults_.push_back({1, [this] { network_.cut_one(); }});
  add(4, [this] { network_.cut_one(); });
  add(2, [this] { network_.cut_all(); });
  add(2, [this] { part(any_worker()); });
  // In the middle of whatever it writes next.
  add(3, [this] { server_.disk.die_after(1 + world_.random.below(40)); });
  add(1, [this] { server_.kill(), after(5 * kSecond, [this] { server_.start(); }); });
  add(1, [this] { server_.lose_power(), after(5 * kSecond, [this] { server_.start(); }); });
  add(1, [this] { server_.stop(), after(5 * kSecond, [this] { server_.start(); }); });
  add(2, [this] { trouble(server_.disk); });
  add(2, [this] { any_worker().disk().die_after(1 + world_.random.below(40)); });
  add(1, [this] { lose_power_of(any_worker().disk(), true); });
  add(2, [this] {
    WorkerHost& worker = any_worker();
    ++world_.totals.worker_kills;
    worker.kill();
    start_later(worker);
  });
  add(2, [this] { any_worker().kill_trainer(); });
  add(1, [this] { any_worker().stop(); });
  add(1, [this] { trouble(any_worker().disk()); });
}

void Storm::start() {
  main_.emplace(blow());
  main_->start();
}

Task<> Storm::blow() {
  std::uint64_t weights = 0;
  for (const Fault& fault : faults_) weights += fault.weight;
  while (true) {
    co_await process_.pause(every_);
    if (!world_.is_stormy()) co_return;
    std::uint64_t drawn = world_.random.below(weights);
    for (const Fault& fault : faults_) {
      if (drawn < fault.weight) {
        fault.happens();
        break;
      }
      drawn -= fault.weight;
    }
  }
}

void Storm::after(TimeUs most, std::function<void()> what) {
  world_.after(world_.random.between(0, most), World::kNobody, std::move(what));
}

void Storm::start_later(WorkerHost& worker) {
  after(5 * kSecond, [&worker] { worker.start(); });
}

void Storm::lose_power_of(Disk& disk, bool power_lost) {
  world_.note(power_lost ? "a worker's machine: power lost" : "a worker's machine: killed");
  ++(power_lost ? world_.totals.worker_power_losses : world_.totals.worker_kills);
  for (const auto& worker : workers_) {
    if (&worker->disk() != &disk) continue;
    worker->kill();
    start_later(*worker);
  }
  disk.restart(power_lost);
}

void Storm::machine_died() {
  for (const auto& worker : workers_)
    if (worker->disk().is_dead()) lose_power_of(worker->disk(), world_.random.one_in(2));
}

// The disk is full or fails for a while.
void Storm::trouble(Disk& disk) {
  if (world_.random.one_in(2)) {
    disk.faults.is_full = true;
  } else {
    disk.faults.failed_sync = static_cast<unsigned>(1 + world_.random.below(300));
    disk.faults.failed_write = static_cast<unsigned>(world_.random.below(50));
  }
  world_.note(disk.faults.is_full ? "a disk is full" : "a disk fails");
  after(5 * kSecond, [&disk] { disk.faults = {}; });
}

void Storm::part(WorkerHost& worker) {
  world_.note("a worker's link is down");
  worker.link_is_down = true;
  network_.cut_all();
  after(40 * kSecond, [&worker] { worker.link_is_down = false; });
}

void Storm::end() {
  world_.calm_down();
  network_.faults = {};
  server_.disk.faults = {};
  server_.disk.die_after(0);
  server_.start();
  for (const auto& worker : workers_) {
    worker->link_is_down = false;
    worker->disk().faults = {};
    worker->disk().die_after(0);
    worker->start();
  }
}

}  // namespace hooke::simulation
