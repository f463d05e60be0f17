// User: submits runs, cancels some, and tries those again that failed or were cancelled, until each succeeds.
#pragma once

#include <set>
#include <string>

#include "tests/simulation/network.h"
#include "tests/simulation/task.h"

namespace hooke::simulation {

class User {
 public:
  User(World& world, Network& network, Model& model)
      : world_(world), network_(network), model_(model), process_(world) {}

  void start();
  // Nothing more is wanted, and everything has succeeded.
  bool has_all() const { return !world_.is_stormy() && !submitting_ && waiting_.empty(); }
  std::string waits_for() const;
  const std::set<std::string>& runs() const { return runs_; }

 private:
  Task<> submit_runs();
  Task<> look_after_runs();
  Task<> look_after(const std::string& run);
  scheduling::SubmitRequest new_request();

  World& world_;
  Network& network_;
  Model& model_;
  const bool link_is_down_ = false;
  bool submitting_ = false;
  std::set<std::string> runs_, waiting_;
  Process process_;
  std::optional<Task<>> submits_, looks_;
};

}  // namespace hooke::simulation
