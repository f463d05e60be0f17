// `hooke-worker run`: one run without a server, in a folder that keeps everything of it.
//
// DIR/run.json says which run it is (its UUID and its configuration); the trainer, which this process
// becomes, writes the rest: see worker/trainer, --alone. One process at a time may use a folder.
#pragma once

#include <filesystem>
#include <string>

namespace hooke::agent {

// Makes `folder` that of a run with this configuration (canonical JSON), or finds that it is, and writes
// DIR/config.json for the trainer. Returns the run's UUID. The folder stays locked until this process,
// or the program that it becomes, ends.
// Throws hooke::Error: kFailedPrecondition when the folder is in use, holds another configuration's run
// (which names a field) or something else; kUnavailable when it cannot be written.
std::string open_run_folder(const std::filesystem::path& folder, const std::string& config_json);

// The command line from `run` on. Becomes the trainer; returns an exit code when it does not: 0 after
// --help, 1 for an error, 2 for bad input.
int run_alone(int argc, char** argv);

}  // namespace hooke::agent
