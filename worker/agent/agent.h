// The worker's main loop: ask for a run, carry out its attempt, ask again.
//
// Owned by main(); used from its thread alone. `stop` may be set by a signal handler.
#pragma once

#include <atomic>

#include "client/sdk/connection.h"
#include "worker/agent/options.h"

namespace hooke::agent {

// Until `stop` is set or, with options.once or options.run, until one attempt has ended. A server
// that cannot be reached is asked again, for ever.
// Returns the exit code: 0, or 3 when the one attempt failed.
// Throws hooke::Error when the server refuses the worker: no or a wrong token, no such run.
int run_agent(sdk::Connection& connection, const Options& options, const std::atomic<bool>& stop);

}  // namespace hooke::agent
