// The streams that are open, so that the server can end them: all when it stops, and those of a caller who
// may not go on. Thread-safe.
#pragma once

#include <absl/base/thread_annotations.h>
#include <grpcpp/support/status.h>

#include <memory>
#include <mutex>
#include <vector>

#include "server/services/gate.h"

namespace hooke::services {

inline const grpc::Status kStopping(grpc::StatusCode::UNAVAILABLE, "the server is stopping; try again later");

// A stream that can be ended from outside, by any thread, more than once.
class Stoppable {
 public:
  virtual ~Stoppable() = default;
  // Ends with this status when nothing is in flight any more.
  virtual void end(const grpc::Status& status) = 0;
};

class OpenStreams {
 public:
  // `most` streams, of which one token or certificate may have `most_of_one`.
  OpenStreams(std::size_t most, std::size_t most_of_one) : most_(most), most_of_one_(most_of_one) {}

  // Takes it, or ends it: when there are too many, or the server is stopping. Whether it was taken.
  bool add(const std::shared_ptr<Stoppable>& stream, const access::Caller& caller);

  // Ends those whose caller has lost its right since, with UNAUTHENTICATED.
  void end_refused(const Gate& gate);

  // Ends all with UNAVAILABLE, so that clients come back.
  void stop();

 private:
  struct Entry {
    std::weak_ptr<Stoppable> stream;
    access::Caller caller;
  };
  grpc::Status place_for(const access::Caller& caller) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::size_t most_, most_of_one_;
  std::mutex mutex_;
  std::vector<Entry> streams_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace hooke::services
