#include "server/ingest/ingest.h"

#include <utility>

#include "server/ingest/limits.h"
#include "server/ingest/session.h"

namespace hooke::ingest {

Stream::Stream(storage::Writer& writer, storage::Clock clock, storage::AttemptKey key,
               std::shared_ptr<Counters> counters)
    : writer_(writer),
      session_(std::make_unique<Session>(std::move(clock), std::move(key))),
      counters_(std::move(counters)) {}

Stream::~Stream() {
  if (open_) --counters_->streams;
}

void Stream::append(v1::RecordBatch batch, Done done) {
  struct Call {
    v1::RecordBatch batch;
    Done done;
    Session::Applied applied;
  };
  const std::size_t bytes = batch.ByteSizeLong();
  if (bytes > kMaxBatchBytes)
    throw invalid("batch", std::to_string(bytes) + " bytes; at most " + std::to_string(kMaxBatchBytes));
  auto call = std::make_shared<Call>(Call{std::move(batch), std::move(done), {}});
  writer_.post(
      [self = shared_from_this(), call](storage::Transaction& transaction) {
        call->applied = self->session_->apply(transaction, call->batch);
      },
      [self = shared_from_this(), call](std::exception_ptr error) {
        if (error) return call->done(std::move(error), 0);
        self->counters_->records += call->applied.records;
        if (!call->applied.broken.empty())
          error =
              std::make_exception_ptr(storage::FencedError(storage::kProtocolBroken, call->applied.broken));
        call->done(std::move(error), call->applied.committed);
      },
      bytes);
}

Ingest::Ingest(storage::Writer& writer, storage::Clock clock) : writer_(writer), clock_(std::move(clock)) {}

void Ingest::open(storage::AttemptKey key, Opened opened) {
  std::shared_ptr<Stream> stream(new Stream(writer_, clock_, std::move(key), counters_));
  auto committed = std::make_shared<std::uint64_t>(0);
  writer_.post([stream, committed](
                   storage::Transaction& transaction) { *committed = stream->session_->open(transaction); },
               [stream, committed, opened = std::move(opened)](std::exception_ptr error) {
                 if (error) return opened(std::move(error), nullptr, 0);
                 stream->open_ = true;
                 ++stream->counters_->streams;
                 opened(nullptr, stream, *committed);
               });
}

}  // namespace hooke::ingest
