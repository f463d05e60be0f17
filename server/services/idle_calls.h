// Calls of the synchronous API that wait for their caller's next message. A read of theirs has no deadline,
// so they are ended from outside when nothing has come for too long. Thread-safe.
#pragma once

#include <absl/base/thread_annotations.h>
#include <grpcpp/server_context.h>

#include <chrono>
#include <mutex>
#include <set>

namespace hooke::services {

class IdleCalls {
 public:
  explicit IdleCalls(std::chrono::milliseconds longest) : longest_(longest) {}

  // One call, for as long as it reads.
  class Reading {
   public:
    Reading(IdleCalls& calls, grpc::ServerContext& context);
    ~Reading();
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;

    // A message has come.
    void heard();
    // Throws kDeadlineExceeded when the call was ended for its silence.
    void check() const;

   private:
    friend class IdleCalls;
    IdleCalls& calls_;
    grpc::ServerContext& context_;
    std::chrono::steady_clock::time_point last_;  // guarded by calls_.mutex_, as is the next
    bool ended_ = false;
  };

  // Ends calls that were silent for too long, with DEADLINE_EXCEEDED: their reads return false. To be called
  // about once a second.
  void end_idle();

 private:
  std::string reason() const;

  const std::chrono::milliseconds longest_;
  mutable std::mutex mutex_;
  std::set<Reading*> open_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hooke::services
