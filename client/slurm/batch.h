// The batch script of an array of workers. Plain values and functions of them; any thread may call.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace hooke::slurm {

// What the user wants of Slurm.
struct Wanted {
  std::string partition;  // empty: Slurm's default, as for the others
  std::string account;
  std::string time;                                          // limit of a task, as sbatch takes it
  int gpus = 0;                                              // of a task
  int array_limit = 0;                                       // tasks that may run at once; 0: any number
  std::vector<std::pair<std::string, std::string>> options;  // of sbatch, as {"mem", "16G"}; they win
};

struct Batch {
  Wanted wanted;
  std::string name;                 // of the job
  std::string about;                // one line, for a reader of the script
  std::vector<std::string> runs;    // one task for each; empty: `tasks` pull workers
  int tasks = 0;                    // without runs
  std::filesystem::path folder;     // for the tasks' logs; the nodes see it, too
  std::vector<std::string> worker;  // hooke-worker and its arguments, but for --run
};

// Splits "OPTION=VALUE" ("mem=16G", "exclusive" for one without a value). Throws hooke::Error
// (kInvalidArgument) for what would break the array or the script.
std::pair<std::string, std::string> parse_option(const std::string& text);

// Checks what is wanted; throws hooke::Error (kInvalidArgument) with the option's name.
void check(const Wanted& wanted);

// How long before a task's time limit it is warned, in seconds: long enough for a checkpoint, and not more
// than a quarter of the limit.
long warning_seconds(const std::string& time);

// Throws hooke::Error (kInvalidArgument) when a text cannot stand in a script.
std::string batch_script(const Batch& batch);

}  // namespace hooke::slurm
