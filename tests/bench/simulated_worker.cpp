#include "tests/bench/simulated_worker.h"

#include <algorithm>

namespace hooke::bench {
namespace {

using std::chrono::milliseconds;

// As worker/uplink and worker/agent have them.
constexpr milliseconds kPollSpool{20};
constexpr milliseconds kFirstPause{200};
constexpr milliseconds kLongestPause{5'000};
constexpr milliseconds kDeadline{10'000};
constexpr std::uint64_t kWindowRecords = 20'000;
constexpr const char* kStreamMethod = "/hooke.v1.WorkerService/Stream";

double seconds(SimulatedWorker::Clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

milliseconds to_ms(const google::protobuf::Duration& duration) {
  return milliseconds(duration.seconds() * 1000 + duration.nanos() / 1'000'000);
}

// Whether the server takes nothing more of this attempt.
bool is_fenced(grpc::StatusCode code) {
  return code == grpc::StatusCode::FAILED_PRECONDITION || code == grpc::StatusCode::NOT_FOUND ||
         code == grpc::StatusCode::INVALID_ARGUMENT || code == grpc::StatusCode::OUT_OF_RANGE;
}

}  // namespace

// One connection of an attempt. gRPC's callbacks, which the worker sorts out; it ends in OnDone.
class SimulatedWorker::Stream final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  Stream(SimulatedWorker& worker, const v1::AttemptRef& attempt) : worker_(worker), stub_(worker.channel_) {
    v1::StreamRequest open;
    *open.mutable_open() = attempt;
    bool own = false;
    grpc::SerializationTraits<v1::StreamRequest>::Serialize(open, &out_, &own);
    stub_.PrepareBidiStreamingCall(&context_, kStreamMethod, {}, this);
    StartWrite(&out_);
    StartRead(&in_);
    StartCall();
  }

  bool writing() const { return writing_; }
  void write(grpc::ByteBuffer batch) {
    out_ = std::move(batch);
    writing_ = true;
    StartWrite(&out_);
  }
  void close() {
    if (!std::exchange(closed_, true)) StartWritesDone();
  }
  void cancel() { context_.TryCancel(); }

  void OnReadDone(bool ok) override {
    v1::StreamResponse response;
    if (!ok || !grpc::SerializationTraits<v1::StreamResponse>::Deserialize(&in_, &response).ok()) return;
    worker_.answered(response.committed_record());
    in_.Clear();
    StartRead(&in_);
  }
  void OnWriteDone(bool ok) override {
    if (ok) worker_.written();
  }
  void OnDone(const grpc::Status& status) override { worker_.stream_ended(status); }

 private:
  friend SimulatedWorker;
  SimulatedWorker& worker_;
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::ByteBuffer out_, in_;
  bool writing_ = true;  // guarded by the worker's mutex, as closed_
  bool closed_ = false;
};

template <class Request, class Response>
struct SimulatedWorker::Call {
  grpc::ClientContext context;
  Request request;
  Response response;
  Clock::time_point begun = Clock::now();
};

SimulatedWorker::SimulatedWorker(std::string name, std::shared_ptr<grpc::Channel> channel, Part part)
    : name_(std::move(name)),
      channel_(std::move(channel)),
      stub_(v1::WorkerService::NewStub(channel_)),
      part_(std::move(part)) {}

SimulatedWorker::~SimulatedWorker() = default;

// `done(status, response)` runs with mutex_ held, unless the worker was stopped meanwhile.
template <class Request, class Response, class Done>
void SimulatedWorker::call(const char* name, Method<Request, Response> method, Request request, Done done) {
  auto call = std::make_shared<Call<Request, Response>>();
  call->request = std::move(request);
  call->context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  contexts_.push_back(&call->context);
  (stub_->async()->*method)(&call->context, &call->request, &call->response,
                            [this, call, name, done](const grpc::Status& status) {
                              if (status.ok()) {
                                part_.tally.latency(name, seconds(Clock::now() - call->begun));
                              } else {
                                part_.tally.error(name, status);
                              }
                              const std::lock_guard lock(mutex_);
                              std::erase(contexts_, &call->context);
                              if (stopped_) return;
                              done(status, call->response);
                              part_.wake();
                            });
}

std::optional<SimulatedWorker::Clock::time_point> SimulatedWorker::advance(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (stopped_ || leasing_ || finishing_) return std::nullopt;
  if (!grant_) {
    if (now < next_try_) return next_try_;
    lease();
    return std::nullopt;
  }
  if (now >= next_beat_ && !beating_) beat(now);
  if (stream_) {
    const auto next = play(now);
    return next ? std::min(*next, next_beat_) : next_beat_;
  }
  if (now < next_try_) return std::min(next_try_, next_beat_);
  if (whole_) {
    finish();
    return std::nullopt;
  }
  open();
  return next_beat_;
}

void SimulatedWorker::lease() {
  leasing_ = true;
  v1::LeaseRequest request;
  request.set_request_id(name_ + "-" + std::to_string(leases_));
  request.set_worker(name_);
  request.add_devices("cuda:0");
  (*request.mutable_labels())["gpu"] = "simulated";
  call("Lease", &v1::WorkerService::Stub::async::Lease, std::move(request),
       [this](const grpc::Status& status, const v1::LeaseResponse& response) { leased(status, response); });
}

void SimulatedWorker::leased(const grpc::Status& status, const v1::LeaseResponse& response) {
  leasing_ = false;
  if (!status.ok()) return retry_later();
  pause_ = milliseconds(0);
  const auto now = Clock::now();
  if (!response.has_grant()) {
    next_try_ = now + to_ms(response.retry_after());
    return;
  }
  ++leases_;
  ++part_.tally.leased;
  grant_ = response.grant();
  next_beat_ = now + to_ms(grant_->period()) / 3;
  next_try_ = now;
  begun_.reset();
  sent_ = due_ = 0;
  whole_ = false;
  played_.push_back({grant_->run(), grant_->run_id(), grant_->attempt(), &part_.recording, 0});
}

void SimulatedWorker::beat(Clock::time_point now) {
  beating_ = true;
  next_beat_ = now + to_ms(grant_->period()) / 3;
  v1::HeartbeatRequest request;
  *request.mutable_attempt() = attempt();
  call("Heartbeat", &v1::WorkerService::Stub::async::Heartbeat, std::move(request),
       [this](const grpc::Status& status, const v1::HeartbeatResponse&) {
         beating_ = false;
         if (is_fenced(status.error_code()) && stream_) stream_->cancel();
       });
}

void SimulatedWorker::open() {
  opened_ = false;
  opened_at_ = Clock::now();
  unanswered_.clear();
  stream_ = std::make_unique<Stream>(*this, attempt());
}

// Sends what is due; when more is.
std::optional<SimulatedWorker::Clock::time_point> SimulatedWorker::play(Clock::time_point now) {
  if (!opened_) return std::nullopt;
  const Recording& recording = part_.recording;
  const std::uint64_t acknowledged = played_.back().acknowledged;
  const std::uint64_t elapsed = part_.speed == 0 ? std::min(recording.size(), acknowledged + kWindowRecords)
                                                 : recording.due(seconds(now - *begun_) * part_.speed);
  due_ = std::max(due_, elapsed);
  if (acknowledged == recording.size()) stream_->close();
  const std::uint64_t last = std::min(due_, acknowledged + kWindowRecords);
  if (!stream_->writing() && sent_ < last) {
    const std::uint64_t first = sent_ + 1;
    sent_ = recording.batch_end(first, last);
    unanswered_.emplace_back(sent_, now);
    ++part_.tally.batches;
    part_.tally.bytes += static_cast<std::int64_t>(recording.bytes(first, sent_));
    stream_->write(recording.batch(first, sent_));
  }
  if (stream_->writing() || part_.speed == 0 || due_ == recording.size()) return std::nullopt;
  const std::chrono::duration<double> at(recording.at_s(due_ + 1) / part_.speed);
  return std::max(*begun_ + std::chrono::duration_cast<Clock::duration>(at), now + kPollSpool);
}

void SimulatedWorker::answered(std::uint64_t committed) {
  const auto now = Clock::now();
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  Played& played = played_.back();
  if (!std::exchange(opened_, true)) {
    part_.tally.latency("Stream, its opening", seconds(now - opened_at_));
    sent_ = committed;
    pause_ = milliseconds(0);
    if (!begun_) begun_ = now;
  }
  part_.tally.acknowledged +=
      played.recording->points(committed) - played.recording->points(played.acknowledged);
  played.acknowledged = committed;
  for (; !unanswered_.empty() && unanswered_.front().first <= committed; unanswered_.pop_front())
    part_.tally.latency("Stream, a batch", seconds(now - unanswered_.front().second));
  part_.wake();
}

void SimulatedWorker::written() {
  const std::lock_guard lock(mutex_);
  stream_->writing_ = false;
  if (!stopped_) part_.wake();
}

void SimulatedWorker::stream_ended(const grpc::Status& status) {
  std::unique_ptr<Stream> ended;
  if (!status.ok()) part_.tally.error("Stream", status);
  const std::lock_guard lock(mutex_);
  ended = std::move(stream_);
  if (stopped_) return;
  if (status.ok() && played_.back().acknowledged == part_.recording.size()) {
    whole_ = true;
    next_try_ = Clock::now();
  } else if (is_fenced(status.error_code())) {
    grant_.reset();
  } else {
    retry_later();
  }
  part_.wake();
}

void SimulatedWorker::finish() {
  finishing_ = true;
  v1::FinishRequest request;
  *request.mutable_attempt() = attempt();
  request.set_outcome(v1::OUTCOME_SUCCEEDED);
  request.set_last_record(part_.recording.size());
  call("Finish", &v1::WorkerService::Stub::async::Finish, std::move(request),
       [this](const grpc::Status& status, const v1::FinishResponse&) {
         finishing_ = false;
         if (!status.ok() && !is_fenced(status.error_code())) return retry_later();
         part_.tally.finished += status.ok() ? 1 : 0;
         grant_.reset();
       });
}

void SimulatedWorker::retry_later() {
  next_try_ = Clock::now() + std::max(pause_, kFirstPause);
  pause_ = std::min(std::max(pause_, kFirstPause) * 2, kLongestPause);
}

v1::AttemptRef SimulatedWorker::attempt() const {
  v1::AttemptRef ref;
  ref.set_run(grant_->run_id());
  ref.set_attempt(grant_->attempt());
  ref.set_token(grant_->token());
  return ref;
}

void SimulatedWorker::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  for (grpc::ClientContext* context : contexts_) context->TryCancel();
  if (stream_) stream_->cancel();
}

bool SimulatedWorker::idle() {
  const std::lock_guard lock(mutex_);
  return contexts_.empty() && !stream_;
}

std::vector<Played> SimulatedWorker::played() {
  const std::lock_guard lock(mutex_);
  return played_;
}

}  // namespace hooke::bench
