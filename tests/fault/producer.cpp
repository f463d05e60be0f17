#include "tests/fault/producer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "tests/bench/bench_server.h"

namespace hooke::fault {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::uint64_t kFirst = 3;    // the first record of a step
constexpr std::uint64_t kPeriod = 12;  // records for ten steps
constexpr std::int64_t kSteps = 10;
constexpr int kProducerClasses = 3;
constexpr std::int64_t kTotalSteps = 100'000'000;
constexpr std::int64_t kTimeUs = 1'764'000'000'000'000;
constexpr std::uint64_t kWindow = 3000;
constexpr int kLargestBatch = 100;
constexpr int kOverlap = 40;
// A stream that stands still may not hold a test up, nor outlast a lease.
constexpr std::chrono::seconds kLongestStream{30};

// What a stream may end with when its connection or its server does.
bool passes(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK:
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::INTERNAL:  // what gRPC makes of a reset stream, or of bytes that are no frame
    case grpc::StatusCode::UNKNOWN:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return true;
    default:
      return false;
  }
}

}  // namespace

double scalar_of(unsigned run, std::int64_t step, int key) {
  if (step % 37 == 5) return std::numeric_limits<double>::quiet_NaN();
  if (step % 41 == 7) return key == 0 ? HUGE_VAL : -HUGE_VAL;
  return static_cast<double>(run) + static_cast<double>(step) / 3 + 1e-9 * key;
}

std::int64_t steps_of(std::uint64_t number) {
  if (number < kFirst) return 0;
  const std::uint64_t count = number - kFirst + 1;
  return static_cast<std::int64_t>(count / kPeriod) * kSteps +
         std::min(kSteps, static_cast<std::int64_t>(count % kPeriod));
}

std::int64_t matrices_of(std::uint64_t number) {
  return number < kFirst ? 0 : static_cast<std::int64_t>((number - kFirst + 2) / kPeriod);
}

std::string planes_of(unsigned run, std::int64_t step) {
  return bench::planes(kProducerClasses, 1000 * step + run);
}

v1::Record record_of(unsigned run, std::uint64_t number) {
  v1::Record record;
  if (number < kFirst) {
    record =
        bench::first_records(kProducerClasses, kTotalSteps).batch().records(static_cast<int>(number) - 1);
    record.set_number(number);
    return record;
  }
  record.set_number(number);
  const std::uint64_t place = (number - kFirst) % kPeriod;
  const std::int64_t first = static_cast<std::int64_t>((number - kFirst) / kPeriod) * kSteps;
  if (place == kPeriod - 1) {
    record.mutable_barrier()->set_step(first + kSteps - 1);
  } else if (place == kPeriod - 2) {
    v1::MatrixPoint& matrix = *record.mutable_matrix();
    matrix.set_step(first + kSteps - 1);
    matrix.set_time_us(kTimeUs + matrix.step());
    matrix.set_key("elasticity/kl");
    matrix.set_planes(planes_of(run, matrix.step()));
  } else {
    v1::ScalarPoints& points = *record.mutable_scalars();
    points.set_step(first + static_cast<std::int64_t>(place));
    points.set_time_us(kTimeUs + points.step());
    for (int key = 0; key < 2; ++key) {
      points.add_key(key == 0 ? "train/loss" : "train/accuracy");
      points.add_value(scalar_of(run, points.step(), key));
    }
  }
  return record;
}

Producer::Producer(unsigned run, v1::LeaseGrant grant, Connect connect, unsigned seed)
    : run_(run), grant_(std::move(grant)), connect_(std::move(connect)), random_(seed), thread_([this] {
        work();
      }) {}

Producer::~Producer() {
  abandoned_ = true;
  if (thread_.joinable()) thread_.join();
}

Producer::Report Producer::finish() {
  stop_making();
  if (thread_.joinable()) thread_.join();
  const std::scoped_lock lock(mutex_);
  report_.acknowledged = acknowledged_;
  return report_;
}

void Producer::complain(const std::string& what) {
  const std::scoped_lock lock(mutex_);
  if (report_.complaint.empty()) report_.complaint = "run " + std::to_string(run_) + ": " + what;
}

bool Producer::complained() const {
  const std::scoped_lock lock(mutex_);
  return !report_.complaint.empty();
}

void Producer::work() {
  while (!abandoned_ && !done() && !complained()) {
    send(connect_());
    std::this_thread::sleep_for(milliseconds(5));
  }
}

void Producer::receive(grpc::ClientReaderWriter<v1::StreamRequest, v1::StreamResponse>& stream) {
  v1::StreamResponse response;
  while (stream.Read(&response)) {
    if (response.committed_record() < acknowledged_)
      complain("record " + std::to_string(acknowledged_) + " was acknowledged, and then only " +
               std::to_string(response.committed_record()));
    acknowledged_ = response.committed_record();
    heard_ = steady_clock::now();
  }
  broken_ = true;
}

void Producer::send(const std::shared_ptr<grpc::Channel>& channel) {
  const auto stub = v1::WorkerService::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kLongestStream);
  heard_ = steady_clock::now();
  const auto stream = stub->Stream(&context);
  v1::StreamRequest request;
  request.mutable_open()->set_run(grant_.run_id());
  request.mutable_open()->set_attempt(grant_.attempt());
  request.mutable_open()->set_token(grant_.token());
  v1::StreamResponse opened;
  if (stream->Write(request) && stream->Read(&opened)) {
    if (opened.committed_record() < acknowledged_)
      complain("record " + std::to_string(acknowledged_) + " was acknowledged, and the server's last is " +
               std::to_string(opened.committed_record()));
    acknowledged_ = opened.committed_record();
    heard_ = steady_clock::now();
    const auto overlap = static_cast<std::uint64_t>(random_() % kOverlap);
    std::uint64_t next = acknowledged_ + 1 - std::min<std::uint64_t>(overlap, acknowledged_);
    {
      const std::scoped_lock lock(mutex_);
      ++report_.connections;
      report_.sent_again += static_cast<std::int64_t>(acknowledged_ + 1 - next);
    }
    broken_ = false;
    std::thread receiver([&] { receive(*stream); });
    while (!broken_ && !abandoned_ && !done() && !complained()) {
      if (next > acknowledged_ + kWindow || (finishing_ && next > made_)) {
        std::this_thread::sleep_for(milliseconds(1));
        continue;
      }
      request.mutable_batch()->clear_records();
      auto left = 1 + random_() % kLargestBatch;
      do {  // at least one, whenever the end comes
        *request.mutable_batch()->add_records() = record_of(run_, next++);
      } while (--left > 0 && (!finishing_ || next <= made_));
      made_ = std::max<std::uint64_t>(made_, next - 1);
      if (!stream->Write(request)) break;
    }
    context.TryCancel();
    receiver.join();
  }
  const grpc::Status status = stream->Finish();
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED &&
      steady_clock::now() - heard_.load() > kLongestStream / 2) {
    const std::scoped_lock lock(mutex_);
    ++report_.silent;
  }
  if (!passes(status.error_code())) complain("the stream ended with " + status.error_message());
}

}  // namespace hooke::fault
