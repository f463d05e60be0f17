#include "worker/agent/heart.h"

#include <spdlog/spdlog.h>

namespace hooke::agent {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kDeadline{10'000};

}  // namespace

milliseconds to_ms(const google::protobuf::Duration& duration) {
  return milliseconds(duration.seconds() * 1000 + duration.nanos() / 1'000'000);
}

Heart::Heart(sdk::Connection& connection, v1::AttemptRef ref, milliseconds period)
    : connection_(connection), ref_(std::move(ref)), period_(period), thread_([this] { run(); }) {}

Heart::~Heart() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::optional<Error> Heart::refusal() const {
  const std::lock_guard lock(mutex_);
  return refusal_;
}

void Heart::run() {
  const auto stub = v1::WorkerService::NewStub(connection_.channel());
  v1::HeartbeatRequest request;
  *request.mutable_attempt() = ref_;
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, period_ / 3, [&] { return stopping_; })) {
    lock.unlock();
    std::optional<Error> refused;
    try {
      const auto response = connection_.call(*stub, &v1::WorkerService::Stub::Heartbeat, request,
                                             {.deadline = kDeadline, .retry_for = milliseconds(0)});
      if (response.has_period()) period_ = to_ms(response.period());
    } catch (const Error& error) {
      if (error.code() == Code::kFailedPrecondition || error.code() == Code::kNotFound)
        refused = error;
      else
        spdlog::debug("run {}: heartbeat: {}", ref_.run(), describe(error));
    }
    lock.lock();
    if (refused) {
      refusal_ = refused;
      return;
    }
  }
}

}  // namespace hooke::agent
