// An RPC that comes over HTTP: to gRPC in process, with its caller's credentials, and back.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/generic/generic_stub.h>

#include "server/gateway/connect.h"
#include "server/gateway/exchange.h"
#include "server/gateway/watch.h"

namespace hooke::gateway {

// What calls share.
struct Calls {
  Calls(const std::shared_ptr<grpc::Channel>& channel, const Limits& some)
      : stub(channel), limits(some), calls(some.calls), streams(some.streams) {}

  grpc::GenericStub stub;
  const Limits& limits;
  Places calls, streams;
  Watch watch;
};

// Answers. Throws hooke::Error when nothing was answered yet.
boost::asio::awaitable<void> serve_call(Exchange& exchange, Calls& calls,
                                        const google::protobuf::MethodDescriptor* method);

// Throws Refused (503) when as many calls are being served as there may be.
Places::Place place_for_call(Calls& calls);

// By gzip, where that gains something.
void compress(Response& response);

// The answer that says why a request is not served.
Response refusal(const Error& error);

}  // namespace hooke::gateway
