// One attempt of one run: find the checkpoint to go on from, spawn the trainer, stream what it records,
// keep the lease, drop what is no longer needed, report the end.
//
// Owned by the agent and used from its main thread; the trainer dies with that thread. A thread of
// its own sends heartbeats, whatever the training does.
#pragma once

#include <atomic>
#include <string>

#include "client/sdk/connection.h"
#include "hooke/v1/worker.grpc.pb.h"
#include "worker/agent/options.h"

namespace hooke::agent {

// How an attempt ended, as far as this worker knows.
enum class AttemptResult {
  kSucceeded,
  kFailed,        // the run failed
  kToBeRepeated,  // the run is queued again, without a worker that was stopped
  kReturned,      // the lease was given back, since the worker was stopped
  kNotBegun,      // the lease was given back; another is to be asked for
  kFenced,        // the server takes nothing more of this attempt
};

// Runs the attempt to its end, or until `stop` is set: then the lease is given back.
AttemptResult run_attempt(sdk::Connection& connection, const Options& options, const v1::LeaseGrant& grant,
                          const std::atomic<bool>& stop);

}  // namespace hooke::agent
