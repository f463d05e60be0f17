// What `hooke doctor` looks at without --verify: the server, and what this machine offers to a worker.
//
// Functions without state, for one thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "client/cli/cli.h"

namespace hooke::cli {

enum class Verdict { kOk, kWarning, kFails };

struct Check {
  std::string name;
  Verdict verdict = Verdict::kOk;
  std::string found;
  std::string advice;  // what to do; empty when all is well
};

// The server first: whether it answers, its version, clock, disk and workers. Does not throw: a server
// that cannot be reached is a finding.
std::vector<Check> check_server(Context& context);

// hooke-worker and hooke-trainer beside this program: versions, BLAS, GPUs, and data sets below `roots`.
// Does not throw.
std::vector<Check> check_machine(const Context& context, const std::vector<std::filesystem::path>& roots);

}  // namespace hooke::cli
