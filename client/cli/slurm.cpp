#include "client/cli/slurm.h"

#include <unistd.h>

#include <algorithm>
#include <map>

#include "client/cli/output.h"
#include "client/cli/progress.h"
#include "client/cli/resources.h"
#include "client/process/program.h"
#include "client/slurm/jobs.h"

namespace hooke::cli {
namespace {

// With runs of this cluster only; others cannot be asked about here.
std::vector<v1::Run> runs_of_cluster(Context& context, const std::vector<v1::Run>& runs,
                                     const std::string& cluster) {
  std::vector<v1::Run> own;
  std::map<std::string, int> elsewhere;
  for (const v1::Run& run : runs) {
    if (run.slurm().cluster() == cluster) {
      own.push_back(run);
    } else {
      ++elsewhere[run.slurm().cluster()];
    }
  }
  for (const auto& [name, count] : elsewhere)
    context.note("hooke: " + plural(count, "run") + " of Slurm's cluster " + name +
                 " cannot be asked about here, on " + cluster);
  return own;
}

std::vector<std::string> job_ids(const std::vector<v1::Run>& runs) {
  std::vector<std::string> ids;
  for (const v1::Run& run : runs) ids.push_back(run.slurm().job_id());
  return ids;
}

v1::UpdateSlurmJobsRequest report_of(const std::vector<v1::Run>& runs,
                                     const std::map<std::string, slurm::Job>& jobs, bool unknown_counts) {
  v1::UpdateSlurmJobsRequest request;
  for (const v1::Run& run : runs) {
    const slurm::Job& job = jobs.at(run.slurm().job_id());
    if (job.state == slurm::kUnknown && !unknown_counts) continue;
    auto* entry = request.add_jobs();
    entry->set_run(run.name());
    *entry->mutable_job() = run.slurm();
    entry->mutable_job()->set_state(job.state);
    entry->mutable_job()->set_restart_count(std::max(run.slurm().restart_count(), job.restart_count));
    if (job.state != slurm::kUnknown) entry->mutable_job()->set_nodes(job.nodes);
  }
  return request;
}

}  // namespace

void refresh_slurm(Context& context, const std::vector<v1::Run>& runs) {
  std::vector<v1::Run> open;
  for (const v1::Run& run : runs)
    if (run.has_slurm() && !is_final(run.state())) open.push_back(run);
  if (open.empty()) return;
  const Waiting waiting(context, "asking Slurm about " + plural(std::ssize(open), "run"));
  const slurm::Cluster cluster = slurm::this_cluster();
  open = runs_of_cluster(context, open, cluster.name);
  const auto report = report_of(open, slurm::find_jobs(job_ids(open)), !cluster.jobs_are_private);
  if (report.jobs_size() > 0) context.api().update_slurm_jobs(report);
}

void cancel_slurm_tasks(Context& context, const std::vector<v1::Run>& runs) {
  std::vector<std::string> command{"scancel"};
  std::string words;
  for (const v1::Run& run : runs) {
    if (run.executor() != kSlurm || !run.has_slurm()) continue;
    command.push_back(run.slurm().job_id());
    words += " " + run.slurm().job_id();
  }
  if (words.empty()) return;
  std::string why;
  try {
    const std::string cluster = slurm::this_cluster().name;
    for (const v1::Run& run : runs)
      if (run.has_slurm() && run.slurm().cluster() != cluster) why = "this is the cluster " + cluster;
    if (why.empty())
      if (const auto output = process::run_program(command); output.status != 0)
        why = process::complaint(command, output);
  } catch (const Error& error) {
    why = error.what();
  }
  if (why.empty()) return;
  context.note("hooke: the tasks of Slurm are left (" + why + "); on a login node of their cluster: scancel" +
               words);
}

std::string slurm_text(const v1::Run& run) {
  if (!run.has_slurm()) return {};
  const v1::SlurmJob& job = run.slurm();
  std::string text = job.job_id();
  // What was last heard of a task says nothing of it once its run has ended.
  if (!job.state().empty() && (!is_final(run.state()) || job.state() != "RUNNING")) text += " " + job.state();
  return text;
}

}  // namespace hooke::cli
