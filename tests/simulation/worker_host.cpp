#include "tests/simulation/worker_host.h"

#include <algorithm>

namespace hooke::simulation {

WorkerHost::WorkerHost(World& world, Network& network, Model& model, Disk& disk, std::string name)
    : world_(world), network_(network), model_(model), disk_(disk), files_(disk), name_(std::move(name)) {}

void WorkerHost::start() {
  if (process_) return;
  world_.note(name_ + ": started");
  stopping_ = false;
  process_ = std::make_unique<Process>(world_);
  main_.emplace(run());
  main_->start();
}

void WorkerHost::kill() {
  world_.note(name_ + ": killed");
  main_.reset();
  process_.reset();
  attempt_ = nullptr;
}

void WorkerHost::kill_trainer() {
  if (attempt_) attempt_->kill_trainer();
}

// Repeated under one id until there is an answer; then under another.
Task<scheduling::LeaseGrant> WorkerHost::lease() {
  scheduling::LeaseRequest request;
  request.worker = name_;
  TimeUs pause = kSecond / 2;
  while (true) {
    request.request_id = std::to_string(world_.random.next());
    bool answered = false;
    while (!answered) {
      try {
        auto call = network_.call<std::optional<scheduling::LeaseGrant>>(
            *process_, link_is_down,
            [request](Server& server, storage::Then<std::optional<scheduling::LeaseGrant>> then) {
              server.queue.lease(request, std::move(then));
            });
        const auto grant = co_await call;
        if (grant) co_return *grant;
        answered = true;
        pause = kSecond / 2;
      } catch (const Error& error) {
        // hooke-worker ends at what time does not heal, and is started again.
        answered = error.code() != Code::kUnavailable && error.code() != Code::kDeadlineExceeded;
      }
      co_await process_->pause(pause);
      pause = std::min(2 * pause, 5 * kSecond);
    }
  }
}

Task<> WorkerHost::run() {
  while (!stopping_) {
    const scheduling::LeaseGrant grant = co_await lease();
    Attempt attempt({world_, network_, model_, files_, link_is_down, stopping_}, grant);
    attempt_ = &attempt;
    co_await attempt.run();
    attempt_ = nullptr;
  }
  ++world_.totals.stops;
  world_.after(world_.random.between(0, 5 * kSecond), World::kNobody, [this] {
    if (!stopping_) return;
    kill();
    start();
  });
}

}  // namespace hooke::simulation
