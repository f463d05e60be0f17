#include "server/services/rpc_log.h"

#include <absl/base/thread_annotations.h>
#include <google/protobuf/message_lite.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <mutex>
#include <optional>
#include <set>
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

// Who calls: behind the gateway, whom it calls for. A socket's path stands for the gateway alone.
std::string caller_of(const grpc::ServerContextBase& context) {
  const std::string peer = context.peer();
  if (!peer.starts_with("unix:")) return peer;
  const auto found = context.client_metadata().find(kCallerKey);
  if (found == context.client_metadata().end()) return peer;
  return "http:" + std::string(found->second.data(), found->second.size());
}

std::string_view major_of(std::string_view version) {
  return version.substr(0, version.find('.'));
}

// Tells of callers of another major version: of each host's once. Thread-safe.
class OtherVersions {
 public:
  void note(const grpc::ServerContextBase& context) {
    const auto found = context.client_metadata().find(kVersionKey);
    if (found == context.client_metadata().end()) return;
    const std::string version(found->second.data(), std::min(found->second.size(), kLongest));
    if (major_of(version) == major_of(kVersion)) return;
    const std::string caller = caller_of(context), host = caller.substr(0, caller.rfind(':'));
    {
      const std::lock_guard lock(mutex_);
      if (told_.size() >= kMost || !told_.insert(host + " " + version).second) return;
    }
    spdlog::warn(
        "{} calls as version {}, this server is {}: they may misunderstand each other; install the same "
        "major "
        "version",
        caller, version, kVersion);
  }

 private:
  static constexpr std::size_t kLongest = 40, kMost = 1000;  // what callers say is not to be trusted

  std::mutex mutex_;
  std::set<std::string> told_ ABSL_GUARDED_BY(mutex_);
};

class RpcLog final : public Interceptor {
 public:
  RpcLog(ServerRpcInfo* info, const Gate& gate, RpcCounts& counts, OtherVersions& others)
      : info_(info),
        gate_(gate),
        counts_(counts),
        others_(others),
        method_(info->method()),
        start_(std::chrono::steady_clock::now()) {}

  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_INITIAL_METADATA)) {
      others_.note(*info_->server_context());
      admit();
    }
    if (refused_ && methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_MESSAGE))
      if (void* message = methods->GetRecvMessage())
        static_cast<google::protobuf::MessageLite*>(message)->Clear();
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_INITIAL_METADATA))
      methods->GetSendInitialMetadata()->emplace(kVersionKey, kVersion);
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      if (refused_) methods->ModifySendStatus(*refused_);
      end(refused_ ? *refused_ : methods->GetSendStatus());
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

  void end(const grpc::Status& status) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start_;
    counts_.add(method_, name_of(status.error_code()), info_->type() == ServerRpcInfo::Type::UNARY,
                took.count());
    log(status, took);
  }

  void log(const grpc::Status& status, std::chrono::duration<double, std::milli> took) const {
    const bool poll = status.ok() && std::find(kPolls.begin(), kPolls.end(), method_) != kPolls.end();
    const auto level = poll ? spdlog::level::debug
                       : status.error_code() == grpc::StatusCode::INTERNAL ||
                               status.error_code() == grpc::StatusCode::DATA_LOSS
                           ? spdlog::level::err
                           : spdlog::level::info;
    spdlog::log(level, "{} {} {} {:.1f} ms{}{}", method_, caller_of(*info_->server_context()),
                name_of(status.error_code()), took.count(), status.ok() ? "" : ": ", status.error_message());
  }

  ServerRpcInfo* const info_;
  const Gate& gate_;
  RpcCounts& counts_;
  OtherVersions& others_;
  const std::string method_;
  const std::chrono::steady_clock::time_point start_;
  std::optional<grpc::Status> refused_;
};

class Factory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  Factory(const Gate& gate, RpcCounts& counts) : gate_(gate), counts_(counts) {}
  Interceptor* CreateServerInterceptor(ServerRpcInfo* info) override {
    return new RpcLog(info, gate_, counts_, others_);
  }

 private:
  const Gate& gate_;
  RpcCounts& counts_;
  OtherVersions others_;
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> make_rpc_log(const Gate& gate,
                                                                                    RpcCounts& counts) {
  return std::make_unique<Factory>(gate, counts);
}

}  // namespace hooke::services
