// Slurm's texts, read and written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/process/program.h"
#include "client/slurm/batch.h"
#include "client/slurm/jobs.h"
#include "proto/hooke/error.h"

namespace hooke::slurm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// As scontrol of Slurm 22.05 prints them, shortened.
constexpr const char* kScontrol =
    "JobId=1 ArrayJobId=1 ArrayTaskId=2-3,7%2 ArrayTaskThrottle=2 JobName=a=b JobState=PENDING "
    "Reason=JobArrayTaskLimit Requeue=1 Restarts=0 NodeList= NumNodes=1 \n"
    "JobId=3 ArrayJobId=1 ArrayTaskId=1 JobName=j JobState=RUNNING Reason=None Requeue=1 Restarts=2 "
    "ReqNodeList=(null) ExcNodeList=(null) NodeList=n1 BatchHost=n1 \n"
    "JobId=9 JobName=j JobState=TIMEOUT Reason=TimeLimit Restarts=0 NodeList=(null) \n";

TEST(SlurmJobs, ScontrolNamesEveryTaskAlsoThoseThatWaitTogether) {
  const auto jobs = parse_scontrol(kScontrol);
  ASSERT_EQ(jobs.size(), 5u);
  for (const char* id : {"1_2", "1_3", "1_7"}) {
    EXPECT_EQ(jobs.at(id).state, "PENDING (JobArrayTaskLimit)") << id;
    EXPECT_EQ(jobs.at(id).nodes, "") << id;
  }
  EXPECT_EQ(jobs.at("1_1").state, "RUNNING");
  EXPECT_EQ(jobs.at("1_1").nodes, "n1");
  EXPECT_EQ(jobs.at("1_1").restart_count, 2);
  EXPECT_EQ(jobs.at("9").state, "TIMEOUT (TimeLimit)");
  EXPECT_EQ(jobs.at("9").nodes, "");
}

TEST(SlurmJobs, TasksThatWereCancelledTogetherAreFoundUnderTheirArray) {
  const auto jobs =
      parse_scontrol("JobId=13 ArrayJobId=13 ArrayTaskId=4294967294 JobState=CANCELLED Reason=None \n");
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_EQ(jobs.at("13").state, "CANCELLED");
}

TEST(SlurmJobs, TextThatIsNoneGivesNoJobs) {
  for (const char* text : {"", "\n\n", "slurm_load_jobs error: Invalid job id specified\n", "JobState=\n",
                           "JobId=1 ArrayJobId=1 ArrayTaskId=x JobState=\n"})
    EXPECT_TRUE(parse_scontrol(text).empty()) << text;
  EXPECT_TRUE(parse_sacct("no bars here\n||\n").empty());
}

TEST(SlurmJobs, SacctNamesTasksToo) {
  const auto jobs = parse_sacct(
      "12_0|COMPLETED|n1\n12_1|CANCELLED by 1000|None assigned\n12_[3-4%2]|PENDING|\n13|OUT_OF_MEMORY|n2\n");
  ASSERT_EQ(jobs.size(), 5u);
  EXPECT_EQ(jobs.at("12_0").nodes, "n1");
  EXPECT_EQ(jobs.at("12_1").state, "CANCELLED by 1000");
  EXPECT_EQ(jobs.at("12_1").nodes, "");
  EXPECT_EQ(jobs.at("12_4").state, "PENDING");
  EXPECT_EQ(jobs.at("13").state, "OUT_OF_MEMORY");
}

TEST(SlurmJobs, IndicesOfAnArray) {
  EXPECT_THAT(parse_indices("0-2,5,8-9%4"), ElementsAre(0, 1, 2, 5, 8, 9));
  EXPECT_THAT(parse_indices("0-6:3"), ElementsAre(0, 3, 6));
  EXPECT_THAT(parse_indices("4"), ElementsAre(4));
  for (const char* bad : {"", "x", "1-", "-1", "1,,2", "0-99999999999", "0-8:0"})
    EXPECT_THAT(parse_indices(bad), IsEmpty()) << bad;
}

TEST(SlurmJobs, ListsOfVeryManyIndicesAreNotSpeltOut) {
  EXPECT_THAT(parse_indices("0-9999"), SizeIs(10'000));
  for (const char* much : {"0-10000", "0-9999999", "0-9999,0-9999", "0-10000000:2147483647"})
    EXPECT_THAT(parse_indices(much), IsEmpty()) << much;
}

TEST(SlurmJobs, TimeLimitsAsSbatchTakesThem) {
  EXPECT_EQ(parse_time("30"), 1800);
  EXPECT_EQ(parse_time("1:30"), 90);
  EXPECT_EQ(parse_time("2:00:00"), 7200);
  EXPECT_EQ(parse_time("1-0"), 86400);
  EXPECT_EQ(parse_time("1-2:30"), 86400 + 9000);
  for (const char* bad : {"", "two", "1:", ":1", "1:2:3:4", "-1", "1-", "UNLIMITED"})
    EXPECT_EQ(parse_time(bad), std::nullopt) << bad;
}

TEST(SlurmJobs, TheConfigurationsValues) {
  const std::string text =
      "Configuration data as of now\nClusterName             = hooke\nPrivateData = jobs,usage\nProlog = \n";
  EXPECT_EQ(config_value(text, "ClusterName"), "hooke");
  EXPECT_EQ(config_value(text, "PrivateData"), "jobs,usage");
  EXPECT_EQ(config_value(text, "Prolog"), "");
  EXPECT_EQ(config_value(text, "Cluster"), "");
}

Batch example() {
  Batch batch;
  batch.wanted = {"gpu", "lab", "2:00:00",
                  2,     4,     {{"mem", "16G"}, {"exclusive", ""}, {"comment", "two words"}}};
  batch.name = "mine";
  batch.about = "Runs of mine.";
  batch.runs = {"k3f9", "p2c7"};
  batch.folder = "/scratch/me/100% mine";
  batch.worker = {"/opt/hooke worker", "--spool", "/scratch/it's"};
  return batch;
}

TEST(SlurmBatch, TheScriptSaysWhatIsWanted) {
  EXPECT_EQ(batch_script(example()),
            "#!/bin/bash\n"
            "# Runs of mine.\n"
            "#SBATCH --job-name=mine\n"
            "#SBATCH --array=0-1%4\n"
            "#SBATCH --ntasks=1\n"
            "#SBATCH --requeue\n"
            "#SBATCH --open-mode=append\n"
            "#SBATCH --output=\"/scratch/me/100%% mine/%a.log\"\n"
            "#SBATCH --signal=B:USR1@120\n"
            "#SBATCH --partition=gpu\n"
            "#SBATCH --account=lab\n"
            "#SBATCH --time=2:00:00\n"
            "#SBATCH --gpus=2\n"
            "#SBATCH --mem=16G\n"
            "#SBATCH --exclusive\n"
            "#SBATCH --comment=\"two words\"\n"
            "\n"
            "trap '' USR1  # until hooke-worker listens to the warning before the time limit\n"
            "runs=(\n"
            "  k3f9\n"
            "  p2c7\n"
            ")\n"
            "exec '/opt/hooke worker' --spool '/scratch/it'\\''s' --run \"${runs[SLURM_ARRAY_TASK_ID]}\"\n");
}

TEST(SlurmBatch, PullWorkersHaveNoRuns) {
  Batch batch = example();
  batch.runs.clear();
  batch.tasks = 3;
  EXPECT_THAT(batch_script(batch), HasSubstr("--array=0-2%4\n"));
  EXPECT_THAT(batch_script(batch), Not(HasSubstr("--run")));
}

// What bash makes of it: the words of the exec line.
TEST(SlurmBatch, TheShellReadsBackWhatWasMeant) {
  Batch batch = example();
  batch.worker = {"printf", "%s|", "a b", "$HOME", "`x`", "'", "\"", "\\", "*", "", "é;&"};
  const std::string script = "SLURM_ARRAY_TASK_ID=1\n" + batch_script(batch);
  const process::Output output = process::run_program({"bash", "-s"}, script);
  EXPECT_EQ(output.out, "a b|$HOME|`x`|'|\"|\\|*||é;&|--run|p2c7|") << output.err;
}

TEST(SlurmBatch, WhatWouldBreakTheScriptIsRefused) {
  const auto refused = [](const auto& work) {
    try {
      work();
    } catch (const Error& error) {
      return error.code() == Code::kInvalidArgument ? error.field() : std::string("another code");
    }
    return std::string("nothing");
  };
  for (const char* option :
       {"", "=x", "--mem=1", "me m=1", "array=0-3", "wrap=rm", "no-requeue", "comment=a\"b", "comment=a\nb"})
    EXPECT_EQ(refused([&] { parse_option(option); }), "--sbatch") << option;
  EXPECT_EQ(parse_option("mem=16G"), std::pair(std::string("mem"), std::string("16G")));
  EXPECT_EQ(parse_option("export=A=1"), std::pair(std::string("export"), std::string("A=1")));
  Batch batch = example();
  batch.worker.push_back("two\nlines");
  EXPECT_EQ(refused([&] { batch_script(batch); }), "--spool");
  Wanted wanted;
  wanted.time = "soon";
  EXPECT_EQ(refused([&] { check(wanted); }), "--time");
  wanted.time = "";
  wanted.partition = "a b";
  EXPECT_EQ(refused([&] { check(wanted); }), "--partition");
}

TEST(SlurmBatch, TheWarningIsAPartOfTheLimit) {
  EXPECT_EQ(warning_seconds(""), 120);
  EXPECT_EQ(warning_seconds("4:00:00"), 120);
  EXPECT_EQ(warning_seconds("4"), 60);
  EXPECT_EQ(warning_seconds("0:02"), 1);
}

}  // namespace
}  // namespace hooke::slurm
