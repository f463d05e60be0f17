// The server as a whole: options -> parts -> run -> orderly stop. The only place that knows every part.
//
// Threads, each with one job:
//   main             waits for SIGTERM or SIGINT, then stops everything
//   writer           storage::Writer: the only one that writes and checkpoints
//   leases           once a second: takes lapsed leases, ends streams whose caller has lost its right, and
//                    idle imports
//   garbage          removes what deletions that were stopped have left, once a minute
//   work (4)         services::WorkPool: the blocking reads of Tail, WatchRuns and ExportRun
//   listener         Listener: takes gRPC's connections
//   gRPC, unary      two at least; a handler blocks its own, gRPC adds others (see grpc_limits)
//   gRPC, callbacks  gRPC's own; streams and workers' calls never block them
//   HTTP (2 + 1)     gateway::Gateway: two serve every connection, one does what blocks
//
// Parts are made in the order of the members below and end in the reverse one. stop(): health says
// NOT_SERVING, streams end with UNAVAILABLE, gRPC finishes what it has within kStopGrace, then the
// threads end, the writer last.
#pragma once

#include <chrono>
#include <memory>

#include "server/app_options.h"

namespace hooke {

class App {
 public:
  static constexpr std::chrono::milliseconds kStopGrace{2'000};
  // The process ends with this, at once, when the database could not be opened again after an I/O error:
  // whoever supervises it should look at the disk before starting it again. EX_IOERR of sysexits.h.
  static constexpr int kExitStorage = 74;

  // Starts everything; both ports answer when it returns.
  // Throws hooke::Error with one clear sentence; kInvalidArgument for the options themselves.
  explicit App(AppOptions options);
  // Stops: see stop().
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  int grpc_port() const;
  int http_port() const;

  // Reads certificates and the token file again; connections stay. What cannot be read stays as it was, which
  // is logged. Called by the thread that calls stop().
  void reload();

  // Ends in order, within 5 seconds also with streams open. Idempotent; called by one thread.
  void stop();

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace hooke
