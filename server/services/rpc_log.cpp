#include "server/services/rpc_log.h"

#include <google/protobuf/message_lite.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "hooke_version.h"
#include "proto/hooke/channel.h"

namespace hooke::services {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::Interceptor;
using grpc::experimental::InterceptorBatchMethods;
using grpc::experimental::ServerRpcInfo;

constexpr std::string_view kReflection = "/grpc.reflection.";
// Asked again and again: they would fill the log.
constexpr std::array<std::string_view, 4> kPolls = {
    "/hooke.v1.WorkerService/Lease", "/hooke.v1.WorkerService/Heartbeat", "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch"};

std::string name_of(grpc::StatusCode code) {
  static constexpr std::array<const char*, 17> kNames = {
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  const auto index = static_cast<std::size_t>(code);
  return index < kNames.size() ? kNames[index] : std::to_string(index);
}

class RpcLog final : public Interceptor {
 public:
  RpcLog(ServerRpcInfo* info, const Gate& gate)
      : info_(info), gate_(gate), method_(info->method()), start_(std::chrono::steady_clock::now()) {}

  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_INITIAL_METADATA)) admit();
    if (refused_ && methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_MESSAGE))
      if (void* message = methods->GetRecvMessage())
        static_cast<google::protobuf::MessageLite*>(message)->Clear();
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_INITIAL_METADATA))
      methods->GetSendInitialMetadata()->emplace(kVersionKey, kVersion);
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      if (refused_) methods->ModifySendStatus(*refused_);
      log(refused_ ? *refused_ : methods->GetSendStatus());
    }
    methods->Proceed();
  }

 private:
  void admit() {
    if (!method_.starts_with(kReflection)) return;
    try {
      gate_.check(*info_->server_context(), method_);
    } catch (...) {
      refused_ = status_of(std::current_exception());
    }
  }

  void log(const grpc::Status& status) const {
    const bool poll = status.ok() && std::find(kPolls.begin(), kPolls.end(), method_) != kPolls.end();
    const auto level = poll ? spdlog::level::debug
                       : status.error_code() == grpc::StatusCode::INTERNAL ||
                               status.error_code() == grpc::StatusCode::DATA_LOSS
                           ? spdlog::level::err
                           : spdlog::level::info;
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start_;
    spdlog::log(level, "{} {} {} {:.1f} ms{}{}", method_, info_->server_context()->peer(),
                name_of(status.error_code()), took.count(), status.ok() ? "" : ": ", status.error_message());
  }

  ServerRpcInfo* const info_;
  const Gate& gate_;
  const std::string method_;
  const std::chrono::steady_clock::time_point start_;
  std::optional<grpc::Status> refused_;
};

class Factory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit Factory(const Gate& gate) : gate_(gate) {}
  Interceptor* CreateServerInterceptor(ServerRpcInfo* info) override { return new RpcLog(info, gate_); }

 private:
  const Gate& gate_;
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> make_rpc_log(const Gate& gate) {
  return std::make_unique<Factory>(gate);
}

}  // namespace hooke::services
