// `hooke-worker run`: one run without a server, in a folder that keeps everything of it.
//
// DIR/run.json says which run it is (its UUID and its configuration); the trainer, which this process
// becomes, writes the rest: see worker/trainer, --alone. One process at a time may use a folder.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>

#include "worker/agent/agent.h"
#include "worker/agent/options.h"

namespace hooke::agent {

// Makes `folder` that of a run with this configuration (canonical JSON), or finds that it is, and writes
// DIR/config.json for the trainer. Returns the run's UUID. The folder stays locked until this process,
// or the program that it becomes, ends.
// Throws hooke::Error: kFailedPrecondition when the folder is in use, holds another configuration's run
// (which names a field) or something else; kUnavailable when it cannot be written.
std::string open_run_folder(const std::filesystem::path& folder, const std::string& config_json);

// Carries out the run SPOOL/RUN/run.json, which `hooke submit --offline` wrote, without a server, until its
// end or until `stop` is set; a trainer that crashes is started again a few times. `hooke sync` sends what it
// records. Throws hooke::Error: kNotFound without such a file, and as open_run_folder() does.
AgentEnd run_offline(const Options& options, const std::atomic<bool>& stop);

// The command line from `run` on. Becomes the trainer; returns an exit code when it does not: 0 after
// --help, 1 for an error, 2 for bad input.
int run_alone(int argc, char** argv);

}  // namespace hooke::agent
