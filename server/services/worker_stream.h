// One open WorkerService.Stream: hands batches to ingest and acknowledges what is on disk.
//
// The reactor owns itself from start() to OnDone. gRPC's callbacks and ingest's (on the writer's
// thread) only note what happened and never block.
//
// Invariants:
// 1. At most kBatchesInFlight batches are with ingest; no more is read before one of them is done.
// 2. One read and one write are in flight at most; acknowledgements that wait are merged, since the
//    newest says all. Finish is called exactly once, with no write in flight and no call of StartRead under
//    way: gRPC's side of the stream is gone soon after it.
// Lock order: none is held while calling gRPC or ingest.
#pragma once

#include <absl/base/thread_annotations.h>
#include <grpcpp/support/server_callback.h>

#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>

#include "hooke/v1/worker.pb.h"
#include "server/ingest/ingest.h"
#include "server/services/open_streams.h"

namespace hooke::services {

class WorkerStream final : public grpc::ServerBidiReactor<v1::StreamRequest, v1::StreamResponse>,
                           public Stoppable,
                           public std::enable_shared_from_this<WorkerStream> {
 public:
  // Batches that may wait for their commit: these, or as many small ones.
  static constexpr int kBatchesInFlight = 2;
  static constexpr int kSmallBatchesInFlight = 128;
  static constexpr std::size_t kSmallBytesInFlight = 512u << 10;

  static WorkerStream* start(ingest::Ingest& ingest, OpenStreams& streams, const access::Caller& caller);

  void end(const grpc::Status& status) override;
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  explicit WorkerStream(ingest::Ingest& ingest) : ingest_(ingest) {}

  // Handles the message that was read; `first` of the stream.
  void take(bool first);
  // Both call ingest; its answers come to the two below, on the writer's thread.
  void open(const v1::AttemptRef& attempt);
  void append(v1::RecordBatch batch);
  void opened(const std::exception_ptr& error, std::shared_ptr<ingest::Stream> stream,
              std::uint64_t committed);
  void appended(std::size_t bytes, const std::exception_ptr& error, std::uint64_t committed);
  bool has_room() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return in_flight_ < kBatchesInFlight ||
           (in_flight_ < kSmallBatchesInFlight && bytes_in_flight_ < kSmallBytesInFlight);
  }
  // Does whatever may be done now: read, write, finish.
  void advance();

  ingest::Ingest& ingest_;
  std::shared_ptr<WorkerStream> self_;
  v1::StreamRequest request_;    // of the read in flight, then of OnReadDone, while reading_
  v1::StreamResponse response_;  // of the write in flight

  std::mutex mutex_;
  std::shared_ptr<ingest::Stream> stream_ ABSL_GUARDED_BY(mutex_);
  std::optional<std::uint64_t> unsent_ ABSL_GUARDED_BY(mutex_);  // an acknowledgement
  std::optional<grpc::Status> ended_ ABSL_GUARDED_BY(mutex_);
  int in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  std::size_t bytes_in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  bool opening_ ABSL_GUARDED_BY(mutex_) = false;
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  // Calls of StartRead that have not returned: what the first asked for may be read, and the next asked,
  // before.
  int asking_ ABSL_GUARDED_BY(mutex_) = 0;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool half_closed_ ABSL_GUARDED_BY(mutex_) = false;  // the client sends no more
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace hooke::services
