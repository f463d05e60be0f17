// The worker's main loop: ask for a run, carry out its attempt, ask again.
//
// Owned by main(); used from its thread alone. `stop` may be set by a signal handler.
#pragma once

#include <atomic>

#include "client/sdk/connection.h"
#include "worker/agent/options.h"

namespace hooke::agent {

// How the worker ended.
enum class AgentEnd {
  kDone,     // what it was started for is done
  kFailed,   // the run that it was started for has failed, or goes on elsewhere
  kStopped,  // before that
};

// Until `stop` is set; with options.once until one attempt has ended; with options.run until the run has:
// when its trainer crashed and it is queued again, it is leased again. Ends also when there was no run for
// options.idle_longest. A server that cannot be reached is asked again, for ever.
// Throws hooke::Error when the server refuses the worker: no or a wrong token, no such run.
AgentEnd run_agent(sdk::Connection& connection, const Options& options, const std::atomic<bool>& stop);

}  // namespace hooke::agent
