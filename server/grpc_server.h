// The gRPC end of hooked: the services on the port of --listen, and on a socket of the gateway's own.
//
// Owned by server/app, by whose threads it is ended: close(), then, when streams were told to end,
// shut_down().
#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/server_interceptor.h>

#include <chrono>
#include <memory>
#include <vector>

#include "server/address.h"
#include "server/listener.h"
#include "server/own_socket.h"
#include "server/tls.h"

namespace hooke {

class GrpcServer {
 public:
  using Interceptor = std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>;

  // Answers when it returns. Throws hooke::Error (kUnavailable) when it cannot.
  GrpcServer(const Address& address, const Tls& tls, const std::vector<grpc::Service*>& services,
             Interceptor interceptor);

  int port() const { return listener_.port(); }
  // To its own socket.
  std::shared_ptr<grpc::Channel> own_channel() const;

  // Takes no connection any more, and its health says NOT_SERVING.
  void close();
  // Ends calls that last longer than `grace`; returns when none is left.
  void shut_down(std::chrono::milliseconds grace);

 private:
  OwnSocket own_socket_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::unique_ptr<grpc::Server> server_;
  Listener listener_;
};

}  // namespace hooke
