// Trainer: what hooke-trainer does to its folder, without training: the real spool, the real rule of what is
// sent again, checkpoints by the same rules as worker/trainer writes them.
//
// A process of its own; it may be killed between any two of its operations.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "tests/simulation/model.h"
#include "tests/simulation/task.h"
#include "worker/agent/resume.h"
#include "worker/agent/trainer_process.h"
#include "worker/spool/spool.h"

namespace hooke::simulation {

struct TrainerOptions {
  std::string run;
  std::int32_t attempt = 0;
  Plan plan;
  std::filesystem::path folder;
  std::optional<agent::Resume> way;  // none: from the beginning
};

class Trainer {
 public:
  Trainer(World& world, Model& model, spool::Files& files, TrainerOptions options);

  // How it ended; absent while it runs.
  const std::optional<agent::ProcessEnd>& end() const { return end_; }
  void ask_to_stop() { stopping_ = true; }
  void kill();

 private:
  struct Checkpoint {
    Step step = -1;
    State state = 0;
  };

  Task<> run();
  Task<> train(Checkpoint from);
  Task<> record_step(Step step, State state);
  Task<> write_checkpoint(Checkpoint checkpoint);
  std::optional<Checkpoint> read_checkpoint() const;
  std::uint64_t append(spool::Kind kind, const std::string& payload);
  std::uint64_t append_json(const std::string& text) { return append(spool::Kind::kJson, text); }
  void start(std::optional<Step> resume_step);
  void append_end(const std::string& text);
  void barrier(Step step);
  void sync();
  void tear();
  void fail(const std::string& why);
  // To whatever else there is.
  auto yield() { return process_.sleep(process_.world().random.between(0, kMs)); }

  World& world_;
  Model& model_;
  spool::Files& files_;
  const TrainerOptions options_;
  bool stopping_ = false, ended_ = false;
  std::optional<agent::ProcessEnd> end_;
  std::optional<spool::Writer> spool_;
  TimeUs synced_ = 0;
  std::uint64_t barrier_ = 0;  // record number of the last
  Process process_;
  std::optional<Task<>> main_;
};

}  // namespace hooke::simulation
