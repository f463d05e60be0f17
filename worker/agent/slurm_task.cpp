#include "worker/agent/slurm_task.h"

#include <sched.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "client/process/program.h"
#include "client/slurm/jobs.h"

namespace hooke::agent {
namespace {

// All of a variable as a positive number; 0 when it is none.
int number_of(const std::optional<std::string>& text) {
  int value = 0;
  if (!text) return 0;
  const auto [end, failure] = std::from_chars(text->data(), text->data() + text->size(), value);
  return failure == std::errc() && end == text->data() + text->size() && value > 0 ? value : 0;
}

int affinity() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

}  // namespace

std::optional<v1::SlurmJob> slurm_task(const sdk::Environment& environment) {
  const auto job = environment("SLURM_JOB_ID");
  if (!job) return std::nullopt;
  v1::SlurmJob task;
  const auto array = environment("SLURM_ARRAY_JOB_ID"), index = environment("SLURM_ARRAY_TASK_ID");
  task.set_cluster(environment("SLURM_CLUSTER_NAME").value_or("slurm"));
  task.set_job_id(array && index ? *array + "_" + *index : *job);
  task.set_restart_count(number_of(environment("SLURM_RESTART_COUNT")));  // unset at the first start
  task.set_nodes(environment("SLURM_JOB_NODELIST").value_or(""));
  task.set_state("RUNNING");
  return task;
}

std::string lease_request_id(const v1::SlurmJob& task) {
  return "slurm-" + task.cluster() + "-" + task.job_id() + "-" + std::to_string(task.restart_count());
}

int usable_cpus(const sdk::Environment& environment) {
  if (environment("SLURM_JOB_ID"))
    for (const char* name : {"SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"})
      if (const int cpus = number_of(environment(name))) return cpus;
  return affinity();
}

bool request_requeue(const sdk::Environment& environment) {
  const auto id = environment("SLURM_JOB_ID");
  if (!id) {
    spdlog::warn("this is no Slurm job: nothing to queue again");
    return false;
  }
  const std::vector<std::string> ask{"scontrol", "-o", "show", "job", *id};
  const process::Output state = process::run_program(ask);
  if (state.status != 0) {
    spdlog::warn("the task is not queued again: {}", process::complaint(ask, state));
    return false;
  }
  if (state.out.find(" JobState=RUNNING ") == std::string::npos) {
    spdlog::info("Slurm is ending the task itself; whether it starts again is its decision");
    return false;
  }
  const std::vector<std::string> command{"scontrol", "requeue", *id};
  const process::Output answer = process::run_program(command);
  if (answer.status != 0) {
    spdlog::warn("the task is not queued again: {}", process::complaint(command, answer));
    return false;
  }
  spdlog::info("Slurm has queued the task again; it will go on from the checkpoint");
  return true;
}

}  // namespace hooke::agent
