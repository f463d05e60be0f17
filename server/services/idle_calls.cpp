#include "server/services/idle_calls.h"

#include <grpc/grpc.h>

#include "proto/hooke/error.h"

namespace hooke::services {

using SteadyClock = std::chrono::steady_clock;

IdleCalls::Reading::Reading(IdleCalls& calls, grpc::ServerContext& context)
    : calls_(calls), context_(context), last_(SteadyClock::now()) {
  const std::lock_guard lock(calls_.mutex_);
  calls_.open_.insert(this);
}

IdleCalls::Reading::~Reading() {
  const std::lock_guard lock(calls_.mutex_);
  calls_.open_.erase(this);
}

void IdleCalls::Reading::heard() {
  const std::lock_guard lock(calls_.mutex_);
  last_ = SteadyClock::now();
}

void IdleCalls::Reading::check() const {
  const std::lock_guard lock(calls_.mutex_);
  if (ended_) throw Error(Code::kDeadlineExceeded, calls_.reason());
}

std::string IdleCalls::reason() const {
  return "nothing has come for " +
         std::to_string(std::chrono::duration_cast<std::chrono::seconds>(longest_).count()) +
         " s, so the call was given up and nothing of it is stored; call again";
}

void IdleCalls::end_idle() {
  const std::lock_guard lock(mutex_);
  const auto since = SteadyClock::now() - longest_;
  for (Reading* const call : open_) {
    if (call->ended_ || call->last_ > since) continue;
    call->ended_ = true;
    // What TryCancel() does, with a reason that the caller is told.
    ::grpc_call_cancel_with_status(call->context_.c_call(), GRPC_STATUS_DEADLINE_EXCEEDED, reason().c_str(),
                                   nullptr);
  }
}

}  // namespace hooke::services
