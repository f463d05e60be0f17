// What Slurm says of jobs, read from the output of its programs. Functions of their arguments, but for
// those of the last part, which run the programs.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace hooke::slurm {

// A job, or a task of a job array.
struct Job {
  std::string id;  // "12", or of an array's task "12_3"
  int restart_count = 0;
  std::string nodes;  // as Slurm writes them; empty before the start
  std::string state;  // "PENDING (Resources)", "TIMEOUT (TimeLimit)", "RUNNING"
};

// The state of a job that Slurm has no record of.
inline constexpr const char* kUnknown = "UNKNOWN";

// `scontrol -o show job`: one entry for each job, and for each task of an array, by id. Under the array's own
// id stands what became of tasks that were cancelled together before they started and have no entry any more.
std::map<std::string, Job> parse_scontrol(const std::string& text);

// `sacct -n -P -X -o JobID,State,NodeList`; it does not say how often a job was restarted.
std::map<std::string, Job> parse_sacct(const std::string& text);

// The indices of "0-2,5,8-9%4", as Slurm writes the tasks of an array that wait. Nothing for anything else,
// and for more than 10,000 of them.
std::vector<int> parse_indices(const std::string& text);

// "12" of "12_3" and of "12".
std::string array_of(const std::string& job_id);

// The value of a line "KEY = VALUE" of `scontrol show config`; empty when there is none.
std::string config_value(const std::string& text, const std::string& key);

// Seconds of a time limit as sbatch takes it: minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM, D-HH:MM:SS.
// Nothing for anything else ("UNLIMITED" included).
std::optional<long> parse_time(const std::string& text);

// The Slurm cluster that this machine's programs speak to.
struct Cluster {
  std::string name;
  bool jobs_are_private = false;  // others' jobs cannot be seen: what is not found may be there
};

// Throws hooke::Error (kUnavailable) with what scontrol said.
Cluster this_cluster();

// The jobs with these ids, as scontrol and, for those that it has forgotten, sacct know them; what neither
// knows is UNKNOWN. Throws hooke::Error (kUnavailable) when Slurm's controller does not answer.
std::map<std::string, Job> find_jobs(const std::vector<std::string>& ids);

}  // namespace hooke::slurm
