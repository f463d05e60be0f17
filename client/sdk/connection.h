// One server, as every gRPC caller of Hooke sees it: channel, TLS, token, deadlines, retries, and
// errors that say what to do.
//
// Owned by whoever opens it, and outlives the stubs and contexts made with it. Thread-safe: any
// thread may call at any time.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "client/sdk/endpoint.h"
#include "proto/hooke/error.h"

namespace hooke::sdk {

// How one call is made.
struct CallOptions {
  std::chrono::milliseconds deadline{30'000};  // of each try
  // Repeating the call does no harm: it only reads, or it carries a request_id.
  bool idempotent = true;
  // An idempotent call that meets UNAVAILABLE is tried again, with growing pauses, for this long.
  std::chrono::milliseconds retry_for{3'000};
};

class Connection {
 public:
  // `notice` gets a sentence for the user, at most once: the server is of another major version.
  explicit Connection(Endpoint endpoint, std::function<void(const std::string&)> notice = {});

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const Endpoint& endpoint() const { return endpoint_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  // Adds the token and this program's version to the context of a stream; call() does so itself. Sets no
  // deadline.
  void authorise(grpc::ClientContext& context) const;

  // One unary call of a generated stub:
  //   connection.call(stub, &v1::ExperimentService::Stub::GetRun, request)
  // Throws hooke::Error: the server's own, or kUnavailable with the address and what to try.
  template <class Stub, class Request, class Response>
  Response call(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                const Request& request, const CallOptions& options = {}) {
    Response response;
    attempt(
        [&](grpc::ClientContext& context) {
          response.Clear();
          return (stub.*method)(&context, request, &response);
        },
        options);
    return response;
  }

  // The error of a call or stream that ended with `status`, with the hints that call() gives.
  // REQUIRES: !status.ok().
  Error error_of(const grpc::Status& status) const;

  // Remembers the server's version, and tells of another major one, from the metadata that came with an
  // answer.
  void note_version(const grpc::ClientContext& context);

  // Whether the server's health service says SERVING within `deadline`. Never throws.
  bool healthy(std::chrono::milliseconds deadline) const;

 private:
  std::string unknown_call() const;
  void attempt(const std::function<grpc::Status(grpc::ClientContext&)>& call, const CallOptions& options);

  const Endpoint endpoint_;
  const std::function<void(const std::string&)> notice_;
  std::shared_ptr<grpc::Channel> channel_;
  mutable std::mutex mutex_;    // guards the rest
  std::string server_version_;  // empty: not heard of yet
  bool version_told_ = false;
};

}  // namespace hooke::sdk
