// The Slurm task that a worker is: what its environment says, and asking Slurm to start it again.
#pragma once

#include <optional>
#include <string>

#include "client/sdk/endpoint.h"
#include "hooke/v1/resources.pb.h"

namespace hooke::agent {

// Nothing outside of Slurm.
std::optional<v1::SlurmJob> slurm_task(const sdk::Environment& environment);

// The request id of the lease of a named run: the same for the same start of the same task, whoever asks.
std::string lease_request_id(const v1::SlurmJob& task);

// CPUs that this worker may use: what Slurm gave the task, else what the process may run on.
int usable_cpus(const sdk::Environment& environment);

// Asks Slurm to queue this task again, under its job id; false, with a line in the log, when Slurm does not.
// A task that Slurm is already ending (cancelled, preempted) is left to Slurm: one that a person has
// cancelled must not come back.
bool request_requeue(const sdk::Environment& environment);

}  // namespace hooke::agent
