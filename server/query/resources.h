// Stored records as the resources of the contract. Functions on a snapshot; callable from any thread.
#pragma once

#include "hooke/v1/experiment.pb.h"
#include "hooke/v1/resources.pb.h"
#include "server/storage/experiments.h"
#include "server/storage/runs.h"
#include "server/storage/workers.h"

namespace hooke::query {

v1::Experiment experiment_resource(storage::Snapshot& snapshot, const storage::Experiment& experiment);

// As lists and watchers show it: without history, provenance and log, its configuration as JSON alone, and
// with a few latest values.
v1::Run run_resource(storage::Snapshot& snapshot, const storage::Run& run);

// Parses the configuration, which takes longer than all the rest.
void add_config(const storage::Run& run, v1::Run& to);

// With everything.
v1::Run whole_run_resource(storage::Snapshot& snapshot, const storage::Run& run);

v1::Worker worker_resource(const storage::Worker& worker);

v1::Reason reason_message(const storage::Reason& reason);
storage::Reason reason_record(const v1::Reason& reason);
v1::SlurmJob slurm_message(const storage::SlurmJob& job);
storage::SlurmJob slurm_record(const v1::SlurmJob& job);

}  // namespace hooke::query
