#include "server/services/worker_stream.h"

#include <utility>

#include "server/services/gate.h"

namespace hooke::services {

WorkerStream* WorkerStream::start(ingest::Ingest& ingest, OpenStreams& streams,
                                  const access::Caller& caller) {
  std::shared_ptr<WorkerStream> stream(new WorkerStream(ingest));
  stream->self_ = stream;
  if (streams.add(stream, caller)) stream->advance();
  return stream.get();
}

void WorkerStream::end(const grpc::Status& status) {
  {
    const std::lock_guard lock(mutex_);
    if (!ended_) ended_ = status;
  }
  advance();
}

void WorkerStream::OnCancel() {
  end(grpc::Status::CANCELLED);
}

void WorkerStream::OnDone() {
  self_.reset();
}

void WorkerStream::OnWriteDone(bool ok) {
  {
    const std::lock_guard lock(mutex_);
    writing_ = false;
  }
  if (!ok) return end(grpc::Status(grpc::StatusCode::UNAVAILABLE, "the worker is gone"));
  advance();
}

void WorkerStream::OnReadDone(bool ok) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    half_closed_ = !ok;
    if (ended_) ok = false;
    first = stream_ == nullptr;
  }
  if (ok) take(first);
  {
    // Not before: the next message would be read into this one's place, and might overtake it.
    const std::lock_guard lock(mutex_);
    reading_ = false;
  }
  advance();
}

void WorkerStream::take(bool first) {
  try {
    if (first && request_.has_open()) {
      open(request_.open());
    } else if (!first && request_.has_batch()) {
      append(std::move(*request_.mutable_batch()));
    } else {
      throw invalid("message", first ? "a stream begins with `open`, which names the attempt"
                                     : "after `open` a stream carries batches of records");
    }
  } catch (...) {
    end(status_of(std::current_exception()));
  }
}

void WorkerStream::open(const v1::AttemptRef& attempt) {
  {
    const std::lock_guard lock(mutex_);
    opening_ = true;
  }
  ingest_.open({attempt.run(), attempt.attempt(), attempt.token()},
               [self = shared_from_this()](const std::exception_ptr& error,
                                           std::shared_ptr<ingest::Stream> stream, std::uint64_t committed) {
                 self->opened(error, std::move(stream), committed);
               });
}

void WorkerStream::opened(const std::exception_ptr& error, std::shared_ptr<ingest::Stream> stream,
                          std::uint64_t committed) {
  {
    const std::lock_guard lock(mutex_);
    opening_ = false;
    stream_ = std::move(stream);
    unsent_ = committed;
  }
  if (error) return end(status_of(error));
  advance();
}

void WorkerStream::append(v1::RecordBatch batch) {
  const std::size_t bytes = batch.ByteSizeLong();
  std::shared_ptr<ingest::Stream> stream;
  {
    const std::lock_guard lock(mutex_);
    stream = stream_;
    ++in_flight_;
    bytes_in_flight_ += bytes;
  }
  stream->append(std::move(batch), [self = shared_from_this(), bytes](const std::exception_ptr& error,
                                                                      std::uint64_t committed) {
    self->appended(bytes, error, committed);
  });
}

void WorkerStream::appended(std::size_t bytes, const std::exception_ptr& error, std::uint64_t committed) {
  {
    const std::lock_guard lock(mutex_);
    --in_flight_;
    bytes_in_flight_ -= bytes;
    if (!error) unsent_ = committed;
  }
  if (error) return end(status_of(error));
  advance();
}

void WorkerStream::advance() {
  bool read = false, write = false;
  std::optional<grpc::Status> finish;
  {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    if (!reading_ && !half_closed_ && !ended_ && !opening_ && has_room()) {
      reading_ = read = true;
      ++asking_;
    }
    if (half_closed_ && !ended_ && !opening_ && in_flight_ == 0 && !unsent_) {
      // Everything that came is on disk and acknowledged.
      ended_ = stream_ != nullptr ? grpc::Status::OK
                                  : status_of(std::make_exception_ptr(invalid(
                                        "message", "a stream begins with `open`, which names the attempt")));
    }
    if (!writing_ && asking_ == 0 && ended_) {
      finished_ = true;
      finish = ended_;
    } else if (!writing_ && unsent_) {
      response_.set_committed_record(*std::exchange(unsent_, std::nullopt));
      writing_ = write = true;
    }
  }
  if (write) StartWrite(&response_);
  if (finish) Finish(*finish);
  if (!read) return;
  StartRead(&request_);
  {
    const std::lock_guard lock(mutex_);
    --asking_;
  }
  advance();  // the end may have come meanwhile
}

}  // namespace hooke::services
