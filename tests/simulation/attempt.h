// Attempt: what hooke-worker does with one grant, in the order of worker/agent/attempt and worker/uplink,
// with their own decisions: ledger, batches, ways to resume, keeper, ending.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "server/scheduling/queue.h"
#include "tests/simulation/stream.h"
#include "tests/simulation/trainer.h"
#include "worker/agent/ending.h"
#include "worker/agent/keeper.h"
#include "worker/uplink/ledger.h"

namespace hooke::simulation {

// What an attempt is made of, beside its grant.
struct WorkerParts {
  World& world;
  Network& network;
  Model& model;
  spool::Files& files;
  const bool& link_is_down;
  const bool& stopping;
};

class Attempt {
 public:
  Attempt(const WorkerParts& parts, scheduling::LeaseGrant grant);

  // To its end, or until the worker is told to stop.
  Task<> run();

  void kill_trainer() {
    if (trainer_) trainer_->kill();
  }

 private:
  // The threads.
  Task<> beat();
  Task<> send_all();
  Task<> send_on(const std::shared_ptr<Stream>& stream);
  bool hear(Stream& stream);

  Task<std::optional<agent::ProcessEnd>> train();
  Task<agent::ProcessEnd> train_from(const agent::Resume* way);
  Task<> conclude(agent::ProcessEnd end);
  Task<> finish(v1::Outcome outcome, const v1::Reason& reason);
  void drop_what_is_secured();
  std::optional<Error> refusal() const { return refusal_ ? refusal_ : heart_refusal_; }
  std::filesystem::path spool() const { return folder_ / spool::kFileName; }
  void note(const std::string& what) const { world_.note(name_ + ": " + what); }

  World& world_;
  const WorkerParts parts_;
  const scheduling::LeaseGrant grant_;
  const storage::AttemptKey key_;
  const std::filesystem::path run_folder_, folder_;
  const std::string name_;
  agent::Keeper keeper_;

  // The uplink's.
  uplink::Ledger ledger_;
  bool closed_ = false, drained_ = false;
  std::optional<Error> refusal_, heart_refusal_;

  std::unique_ptr<Trainer> trainer_;
  Process process_;
  std::optional<Task<>> heart_, uplink_;
};

}  // namespace hooke::simulation
