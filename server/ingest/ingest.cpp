#include "server/ingest/ingest.h"

#include <utility>
#include <vector>

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

// Batches that wait for one job of the writer.
struct Stream::Call {
  v1::RecordBatch batch;
  std::vector<Done> done;
  std::size_t added_bytes = 0;  // by the batches after the first
  Session::Applied applied;
};

void Stream::append(v1::RecordBatch batch, Done done) {
  const std::size_t bytes = batch.ByteSizeLong();
  if (bytes > kMaxBatchBytes)
    throw invalid("batch", std::to_string(bytes) + " bytes; at most " + std::to_string(kMaxBatchBytes));
  if (batch.records().empty()) throw invalid("batch", "has no record");
  std::shared_ptr<Call> call;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_) {
      for (v1::Record& record : *batch.mutable_records()) waiting_->batch.add_records()->Swap(&record);
      waiting_->done.push_back(std::move(done));
      waiting_->added_bytes += bytes;
      return;
    }
    call = waiting_ = std::make_shared<Call>();
    call->batch = std::move(batch);
    call->done.push_back(std::move(done));
  }
  try {
    writer_.post([self = shared_from_this(),
                  call](storage::Transaction& transaction) { self->apply(transaction, *call); },
                 [self = shared_from_this(), call](std::exception_ptr error) {
                   self->complete(*call, std::move(error));
                 },
                 bytes);
  } catch (...) {
    const std::lock_guard lock(mutex_);
    waiting_.reset();
    throw;
  }
}

void Stream::apply(storage::Transaction& transaction, Call& call) {
  {
    // What comes from now on waits for the next job.
    const std::lock_guard lock(mutex_);
    waiting_.reset();
  }
  transaction.add_bytes(call.added_bytes);
  call.applied = session_->apply(transaction, call.batch);
}

void Stream::complete(Call& call, std::exception_ptr error) {
  if (!error) {
    counters_->records += call.applied.records;
    if (!call.applied.broken.empty())
      error = std::make_exception_ptr(storage::FencedError(storage::kProtocolBroken, call.applied.broken));
  }
  for (Done& done : call.done) done(error, call.applied.committed);
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
