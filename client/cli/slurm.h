// Runs and workers as Slurm's tasks: the options that say so, launching, and asking Slurm what became of
// them.
//
// Functions for one thread. Those with a Context call the server or Slurm's programs, and throw hooke::Error
// with what these said.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "client/cli/cli.h"
#include "client/slurm/batch.h"
#include "hooke/v1/resources.pb.h"

namespace hooke::cli {

// The value of Run.executor, and of --on.
inline constexpr const char* kSlurm = "slurm";

struct SlurmOptions {
  std::string on;  // empty: not on Slurm
  slurm::Wanted wanted;
  std::vector<std::string> sbatch;  // OPTION=VALUE
  std::string spool;
  std::vector<std::string> data_roots;
  bool offline = false;

  bool given() const { return !on.empty(); }
};

// --on and what goes with it.
void add_slurm_options(CLI::App& command, SlurmOptions& options);

// An array of tasks, from its script to Slurm's job.
class SlurmLaunch {
 public:
  // Checks the options; asks nobody. `name`: of the job, `about`: for a reader of the script.
  SlurmLaunch(Context& context, const SlurmOptions& options, const std::string& name,
              const std::string& about);

  // One task for each run, or so many pull workers.
  void set_runs(const std::vector<std::string>& ids) { batch_.runs = ids; }
  void set_workers(int tasks, const std::vector<std::string>& arguments);

  std::string script() const { return slurm::batch_script(batch_); }

  // Asks Slurm whether it would take the array; nothing is submitted. REQUIRES: as many runs or workers as
  // there will be.
  void try_out();

  // For tasks that do not reach the server: SPOOL/RUN/run.json says what each is to do. Does nothing for
  // others.
  void write_runs(const std::vector<v1::Run>& runs) const;

  // Hands the array to Slurm; what its tasks need (a copy of the token, mode 0600) goes into a folder of its
  // own below the spool. Returns the job's id.
  std::string start();

  // The cluster's name. REQUIRES: try_out().
  const std::string& cluster() const { return cluster_; }
  bool offline() const { return offline_; }
  const std::filesystem::path& spool() const { return spool_; }
  std::size_t tasks() const {
    return batch_.runs.empty() ? static_cast<std::size_t>(batch_.tasks) : batch_.runs.size();
  }

 private:
  void write_folder() const;

  Context& context_;
  const bool offline_;
  const std::filesystem::path spool_;
  slurm::Batch batch_;
  std::string cluster_;
};

// Starts a task for each of these queued runs, tells the server its job, and the user what comes now.
// REQUIRES: launch.try_out() with as many runs.
void launch_runs(Context& context, SlurmLaunch& launch, const std::vector<v1::Run>& runs);

// Asks Slurm about the tasks of those runs that have not ended and tells the server.
void refresh_slurm(Context& context, const std::vector<v1::Run>& runs);

// Cancels the tasks of these runs, where this machine speaks to their cluster; else says what is left to do.
void cancel_slurm_tasks(Context& context, const std::vector<v1::Run>& runs);

// "12_3 PENDING (Resources)"; empty without a job.
std::string slurm_text(const v1::Run& run);

}  // namespace hooke::cli
