#include "worker/uplink/uplink.h"

#include <algorithm>
#include <utility>

#include "client/sdk/connection.h"
#include "hooke/v1/worker.grpc.pb.h"
#include "worker/uplink/translate.h"

namespace hooke::uplink {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPollSpool{20};
constexpr milliseconds kFirstPause{200};
constexpr milliseconds kLongestPause{5'000};
// A message stays well under gRPC's default limit of 4 MiB.
constexpr std::size_t kBatchBytes = 1 << 20;
constexpr int kBatchRecords = 1000;
// What may be under way without an acknowledgement.
constexpr std::uint64_t kWindowRecords = 20'000;

// Whether the server refuses this attempt for good, rather than just now.
bool is_final(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::OUT_OF_RANGE:
    case grpc::StatusCode::NOT_FOUND:
    case grpc::StatusCode::ALREADY_EXISTS:
    case grpc::StatusCode::UNIMPLEMENTED:
      return true;
    default:
      return false;
  }
}

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
    stream_ = stub_->Stream(&context_);
    v1::StreamRequest open;
    *open.mutable_open() = up_.attempt_;
    v1::StreamResponse opened;
    if (stream_->Write(open) && stream_->Read(&opened) && goes_on_after(opened.committed_record())) {
      std::thread acknowledgements([this] { read(); });
      send(opened.committed_record());
      acknowledgements.join();
    }
    {
      const std::lock_guard lock(up_.mutex_);
      up_.context_ = nullptr;
    }
    grpc::Status status = stream_->Finish();
    if (local_error_) throw *local_error_;
    return status;
  }

  bool was_open() const { return open_; }

 private:
  // Whether the server still has what it acknowledged, the opening's answer says.
  bool goes_on_after(std::uint64_t committed) {
    {
      const std::lock_guard lock(up_.mutex_);
      up_.rewound_ = committed < up_.acknowledged_;
      if (up_.rewound_)
        local_error_ =
            Error(Code::kDataLoss, "the server had acknowledged record " + std::to_string(up_.acknowledged_) +
                                       " and now has " + std::to_string(committed) +
                                       ": it was restored from a backup");
    }
    if (local_error_) {
      context_.TryCancel();
      return false;
    }
    open_ = true;
    note(committed);
    const std::lock_guard lock(up_.mutex_);
    up_.unacknowledged_barriers_.clear();  // they are read again
    up_.unacknowledged_batches_.clear();
    return true;
  }

  void note(std::uint64_t committed) {
    const std::lock_guard lock(up_.mutex_);
    up_.acknowledged_ = committed;
    auto& barriers = up_.unacknowledged_barriers_;
    while (!barriers.empty() && barriers.front().number <= committed) {
      up_.acknowledged_barrier_ = barriers.front();
      barriers.pop_front();
    }
    auto& batches = up_.unacknowledged_batches_;
    while (!batches.empty() && batches.front().number <= committed) {
      up_.acknowledged_position_ = batches.front();
      batches.pop_front();
    }
    up_.changed_.notify_all();
  }

  void read() {
    v1::StreamResponse response;
    while (stream_->Read(&response)) note(response.committed_record());
    const std::lock_guard lock(up_.mutex_);
    broken_ = true;
    up_.changed_.notify_all();
  }

  void send(std::uint64_t committed) {
    try {
      spool::Reader reader(up_.spool_);
      if (const auto barrier = up_.acknowledged_barrier()) reader.go_to(*barrier);
      if (!reader.skip_to(committed))
        throw Error(Code::kDataLoss, "spool " + up_.spool_.string() + " ends before record " +
                                         std::to_string(committed) + ", which the server has");
      {
        const std::lock_guard lock(up_.mutex_);
        up_.acknowledged_position_ = reader.position();
      }
      std::uint64_t sent = committed;
      while (step(reader, sent)) {
      }
    } catch (const Error& error) {
      local_error_ = error;
      context_.TryCancel();
    }
    stream_->WritesDone();
  }

  // Sends one batch or waits a little; false when there is nothing more to do here.
  bool step(spool::Reader& reader, std::uint64_t& sent) {
    {
      std::unique_lock lock(up_.mutex_);
      // Whether the spool was closed must be known before it is read to its end.
      closed_ = up_.closed_;
      up_.changed_.wait(lock, [&] {
        return broken_ || up_.stopping_ || sent - std::min(sent, up_.acknowledged_) < kWindowRecords;
      });
      if (broken_ || up_.stopping_) return false;
    }
    v1::StreamRequest request;
    gather(reader, *request.mutable_batch());
    if (request.batch().records_size() > 0) {
      sent = request.batch().records().rbegin()->number();
      {
        const std::lock_guard lock(up_.mutex_);
        up_.unacknowledged_batches_.push_back(reader.position());
      }
      return stream_->Write(request);
    }
    std::unique_lock lock(up_.mutex_);
    if (closed_) {
      up_.changed_.wait(lock, [&] { return broken_ || up_.stopping_ || up_.acknowledged_ >= sent; });
      if (!broken_ && !up_.stopping_) up_.drained_ = true;
      up_.changed_.notify_all();
      return false;
    }
    up_.changed_.wait_for(lock, kPollSpool, [&] { return broken_ || up_.stopping_ || up_.closed_; });
    return true;
  }

  void gather(spool::Reader& reader, v1::RecordBatch& batch) {
    std::size_t bytes = 0;
    while (bytes < kBatchBytes && batch.records_size() < kBatchRecords) {
      const auto record = reader.next();
      if (!record) return;
      bytes += record->payload.size();
      v1::Record translated = to_protocol(*record);
      if (translated.has_end()) {
        const std::lock_guard lock(up_.mutex_);
        up_.end_ = translated.end();
      }
      if (translated.has_barrier()) {
        const std::lock_guard lock(up_.mutex_);
        up_.unacknowledged_barriers_.push_back(reader.position());
      }
      *batch.add_records() = std::move(translated);
    }
  }

  Uplink& up_;
  grpc::ClientContext context_;
  const std::unique_ptr<v1::WorkerService::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::StreamRequest, v1::StreamResponse>> stream_;
  bool open_ = false;
  bool broken_ = false;  // guarded by up_.mutex_
  bool closed_ = false;
  std::optional<Error> local_error_;
};

Uplink::Uplink(sdk::Connection& connection, v1::AttemptRef attempt, std::filesystem::path spool,
               Notice notice)
    : connection_(connection),
      attempt_(std::move(attempt)),
      spool_(std::move(spool)),
      notice_(std::move(notice)),
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
  return acknowledged_;
}

std::optional<spool::Position> Uplink::acknowledged_barrier() const {
  const std::lock_guard lock(mutex_);
  return acknowledged_barrier_;
}

spool::Position Uplink::acknowledged_position() const {
  const std::lock_guard lock(mutex_);
  return acknowledged_position_;
}

bool Uplink::rewound() const {
  const std::lock_guard lock(mutex_);
  return rewound_;
}

std::optional<v1::End> Uplink::end() const {
  const std::lock_guard lock(mutex_);
  return end_;
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
      if (is_final(status.error_code())) refused = connection_.error_of(status);
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
