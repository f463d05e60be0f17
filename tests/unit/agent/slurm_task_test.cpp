#include "worker/agent/slurm_task.h"

#include <gtest/gtest.h>

#include <map>

namespace hooke::agent {
namespace {

sdk::Environment with(std::map<std::string, std::string> values) {
  return [values](const char* name) {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(SlurmTask, OutsideOfSlurmThereIsNone) {
  EXPECT_FALSE(slurm_task(with({})));
  EXPECT_GE(usable_cpus(with({})), 1);
}

TEST(SlurmTask, AnArraysTaskIsNamedByItsArray) {
  const auto task = slurm_task(with({{"SLURM_JOB_ID", "14"},
                                     {"SLURM_ARRAY_JOB_ID", "12"},
                                     {"SLURM_ARRAY_TASK_ID", "3"},
                                     {"SLURM_CLUSTER_NAME", "c"},
                                     {"SLURM_JOB_NODELIST", "n7"}}));
  ASSERT_TRUE(task);
  EXPECT_EQ(task->job_id(), "12_3");
  EXPECT_EQ(task->cluster(), "c");
  EXPECT_EQ(task->nodes(), "n7");
  EXPECT_EQ(task->restart_count(), 0);  // unset at the first start
  EXPECT_EQ(lease_request_id(*task), "slurm-c-12_3-0");
}

TEST(SlurmTask, EachStartAsksForALeaseOfItsOwn) {
  const auto task =
      slurm_task(with({{"SLURM_JOB_ID", "14"}, {"SLURM_CLUSTER_NAME", "c"}, {"SLURM_RESTART_COUNT", "2"}}));
  EXPECT_EQ(lease_request_id(*task), "slurm-c-14-2");
}

TEST(SlurmTask, ThreadsAreThoseThatSlurmGave) {
  EXPECT_EQ(
      usable_cpus(with({{"SLURM_JOB_ID", "1"}, {"SLURM_CPUS_PER_TASK", "7"}, {"SLURM_CPUS_ON_NODE", "9"}})),
      7);
  EXPECT_EQ(usable_cpus(with({{"SLURM_JOB_ID", "1"}, {"SLURM_CPUS_ON_NODE", "9"}})), 9);
}

}  // namespace
}  // namespace hooke::agent
