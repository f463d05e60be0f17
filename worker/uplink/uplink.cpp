#include "worker/uplink/uplink.h"

#include <algorithm>
#include <utility>

#include "client/sdk/connection.h"
#include "hooke/v1/worker.grpc.pb.h"
#include "worker/uplink/batch.h"

namespace hooke::uplink {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kPollSpool{20};
constexpr milliseconds kFirstPause{200};
constexpr milliseconds kLongestPause{5'000};
constexpr int kLooks = 8;  // at a stream, within one patience

}  // namespace

// One connection's worth of sending.
class Uplink::Session {
 public:
  explicit Session(Uplink& up) : up_(up), stub_(v1::WorkerService::NewStub(up.connection_.channel())) {
    up_.connection_.authorise(context_);
  }

  // Sends until the spool is drained, the stream breaks or the uplink stops.
  grpc::Status run() {
    {
      const std::lock_guard lock(up_.mutex_);
      if (up_.stopping_) return grpc::Status::CANCELLED;
      up_.context_ = &context_;
    }
    std::thread watcher([this] { watch(); });
    stream_ = stub_->Stream(&context_);
    v1::StreamRequest open;
    *open.mutable_open() = up_.attempt_;
    v1::StreamResponse opened;
    if (stream_->Write(open) && stream_->Read(&opened) && goes_on_after(opened.committed_record())) {
      std::thread acknowledgements([this] { read(); });
      send(opened.committed_record());
      acknowledgements.join();
    }
    grpc::Status status = stream_->Finish();
    {
      const std::lock_guard lock(up_.mutex_);
      up_.context_ = nullptr;
      finished_ = true;
      up_.changed_.notify_all();
    }
    watcher.join();
    if (local_error_) throw *local_error_;
    if (stalled_ && !status.ok())
      return {grpc::StatusCode::UNAVAILABLE,
              "the server has not answered for " + std::to_string(up_.patience_.count() / 1000) + " s"};
    return status;
  }

  bool was_open() const { return open_; }

 private:
  // Whether the server still has what it acknowledged, the opening's answer says.
  bool goes_on_after(std::uint64_t committed) {
    try {
      const std::lock_guard lock(up_.mutex_);
      up_.ledger_.opened(committed);
      open_ = true;
      answered_ = steady_clock::now();
      up_.changed_.notify_all();
    } catch (const Error& error) {
      local_error_ = error;
      context_.TryCancel();
    }
    return open_;
  }

  void read() {
    v1::StreamResponse response;
    while (stream_->Read(&response)) {
      const std::lock_guard lock(up_.mutex_);
      up_.ledger_.acknowledged(response.committed_record());
      answered_ = steady_clock::now();
      up_.changed_.notify_all();
    }
    const std::lock_guard lock(up_.mutex_);
    broken_ = true;
    up_.changed_.notify_all();
  }

  // Cancels a stream of which nothing comes any more, although its connection may be alive.
  void watch() {
    std::unique_lock lock(up_.mutex_);
    while (!up_.changed_.wait_for(lock, up_.patience_ / kLooks, [&] { return finished_; })) {
      if (open_ && !wrote_all_ && up_.ledger_.is_settled()) answered_ = steady_clock::now();
      if (steady_clock::now() - answered_ < up_.patience_) continue;
      stalled_ = true;
      context_.TryCancel();
      return;
    }
  }

  void send(std::uint64_t committed) {
    try {
      spool::Reader reader(up_.spool_);
      go_to(reader, up_.acknowledged_barrier(), committed);
      {
        const std::lock_guard lock(up_.mutex_);
        up_.ledger_.found(reader.position());
      }
      while (step(reader)) {
      }
    } catch (const Error& error) {
      local_error_ = error;
      context_.TryCancel();
    }
    {
      const std::lock_guard lock(up_.mutex_);
      wrote_all_ = true;
    }
    stream_->WritesDone();
  }

  // Sends one batch or waits a little; false when there is nothing more to do here.
  bool step(spool::Reader& reader) {
    {
      std::unique_lock lock(up_.mutex_);
      // Whether the spool was closed must be known before it is read to its end.
      closed_ = up_.closed_;
      up_.changed_.wait(lock, [&] { return broken_ || up_.stopping_ || up_.ledger_.has_room(); });
      if (broken_ || up_.stopping_) return false;
    }
    Batch batch = next_batch(reader);
    std::unique_lock lock(up_.mutex_);
    if (batch.records.records_size() > 0) {
      up_.ledger_.sent(batch);
      lock.unlock();
      v1::StreamRequest request;
      request.mutable_batch()->Swap(&batch.records);
      return stream_->Write(request);
    }
    if (closed_) {
      up_.changed_.wait(lock, [&] { return broken_ || up_.stopping_ || up_.ledger_.is_settled(); });
      if (!broken_ && !up_.stopping_) up_.drained_ = true;
      up_.changed_.notify_all();
      return false;
    }
    up_.changed_.wait_for(lock, kPollSpool, [&] { return broken_ || up_.stopping_ || up_.closed_; });
    return true;
  }

  Uplink& up_;
  grpc::ClientContext context_;
  const std::unique_ptr<v1::WorkerService::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::StreamRequest, v1::StreamResponse>> stream_;
  bool closed_ = false;
  // Guarded by up_.mutex_:
  bool open_ = false;
  bool broken_ = false;
  bool wrote_all_ = false;
  bool finished_ = false;
  bool stalled_ = false;
  steady_clock::time_point answered_ = steady_clock::now();  // or there was nothing to answer
  std::optional<Error> local_error_;
};

Uplink::Uplink(sdk::Connection& connection, v1::AttemptRef attempt, std::filesystem::path spool,
               Notice notice, milliseconds patience)
    : connection_(connection),
      attempt_(std::move(attempt)),
      spool_(std::move(spool)),
      notice_(std::move(notice)),
      patience_(patience),
      thread_([this] { run(); }) {}

Uplink::~Uplink() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (context_) context_->TryCancel();
    changed_.notify_all();
  }
  thread_.join();
}

void Uplink::close_spool() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

bool Uplink::wait_drained(milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] { return drained_ || refusal_; });
}

std::optional<Error> Uplink::refusal() const {
  const std::lock_guard lock(mutex_);
  return refusal_;
}

std::uint64_t Uplink::acknowledged() const {
  const std::lock_guard lock(mutex_);
  return ledger_.acknowledged();
}

std::optional<spool::Position> Uplink::acknowledged_barrier() const {
  const std::lock_guard lock(mutex_);
  return ledger_.acknowledged_barrier();
}

spool::Position Uplink::acknowledged_position() const {
  const std::lock_guard lock(mutex_);
  return ledger_.acknowledged_position();
}

bool Uplink::rewound() const {
  const std::lock_guard lock(mutex_);
  return ledger_.rewound();
}

std::optional<v1::End> Uplink::end() const {
  const std::lock_guard lock(mutex_);
  return ledger_.end();
}

bool Uplink::wait_for_spool() {
  std::unique_lock lock(mutex_);
  while (!stopping_ && !std::filesystem::exists(spool_)) {
    if (closed_) {
      drained_ = true;
      changed_.notify_all();
      return false;
    }
    changed_.wait_for(lock, kPollSpool);
  }
  return !stopping_;
}

void Uplink::pause(milliseconds time) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, time, [&] { return stopping_; });
}

void Uplink::run() {
  if (!wait_for_spool()) return;
  milliseconds wait = kFirstPause;
  bool away = false;
  while (true) {
    std::optional<Error> refused;
    try {
      Session session(*this);
      const grpc::Status status = session.run();
      if (session.was_open()) {
        if (std::exchange(away, false)) notice_(std::nullopt);
        wait = kFirstPause;
      }
      if (is_final(static_cast<Code>(status.error_code()))) refused = connection_.error_of(status);
      {
        const std::lock_guard lock(mutex_);
        if (stopping_ || (drained_ && !refused)) return;
      }
      if (!refused && !std::exchange(away, true)) notice_(status.error_message());
    } catch (const Error& error) {
      refused = error;
    }
    if (refused) {
      const std::lock_guard lock(mutex_);
      refusal_ = refused;
      changed_.notify_all();
      return;
    }
    pause(wait);
    wait = std::min(2 * wait, kLongestPause);
  }
}

}  // namespace hooke::uplink
