// What Slurm's programs print. Nothing of it is an error.
#include "client/slurm/batch.h"
#include "client/slurm/jobs.h"
#include "tests/fuzz/target.h"

using namespace hooke;

void fuzz::one_input(Input input) {
  const std::string text(input.rest());
  for (const auto& [id, job] : slurm::parse_scontrol(text)) fuzz::check(!id.empty(), "a job without an id");
  for (const auto& [id, job] : slurm::parse_sacct(text)) fuzz::check(!id.empty(), "a job without an id");
  slurm::parse_indices(text);
  slurm::config_value(text, "ClusterName");
  if (const auto seconds = slurm::parse_time(text)) fuzz::check(*seconds >= 0, "a negative time");
  slurm::array_of(text);
  fuzz::allowed({Code::kInvalidArgument}, [&] { slurm::parse_option(text); });
}
