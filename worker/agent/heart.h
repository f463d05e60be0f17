// The heartbeats of one attempt, from a thread of their own, whatever the training does.
//
// Owned by the attempt. Lock order: one mutex, mutex_, held for moments only.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "client/sdk/connection.h"
#include "hooke/v1/worker.grpc.pb.h"
#include "proto/hooke/error.h"

namespace hooke::agent {

// Milliseconds of a protocol duration.
std::chrono::milliseconds to_ms(const google::protobuf::Duration& duration);

// Keeps the lease alive until it is refused or destroyed.
class Heart {
 public:
  // One beat every third of `period`, which the server may change.
  Heart(sdk::Connection& connection, v1::AttemptRef ref, std::chrono::milliseconds period);
  ~Heart();
  Heart(const Heart&) = delete;
  Heart& operator=(const Heart&) = delete;

  // Why the server takes nothing more of this attempt; nullopt while it does.
  std::optional<Error> refusal() const;

 private:
  void run();

  sdk::Connection& connection_;
  const v1::AttemptRef ref_;
  std::chrono::milliseconds period_;  // the thread's own
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;         // guarded by mutex_
  std::optional<Error> refusal_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace hooke::agent
