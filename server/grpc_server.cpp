#include "server/grpc_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>

#include "proto/hooke/channel.h"
#include "proto/hooke/error.h"
#include "server/grpc_limits.h"

namespace hooke {
namespace {

constexpr int kOwnReconnectMs = 1'000;

// Of the gateway's channel: it is to find the socket again at once, should the connection break.
grpc::ChannelArguments own_channel_arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kOwnReconnectMs);
  arguments.SetMaxReceiveMessageSize(kMaxRequestBytes);
  return arguments;
}

}  // namespace

GrpcServer::GrpcServer(const Address& address, const Tls& tls, const std::vector<grpc::Service*>& services,
                       Interceptor interceptor)
    : listener_(address, most_grpc_descriptors()) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  using Kind = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
  acceptor_ = builder.experimental().AddExternalConnectionAcceptor(Kind::FROM_FD, tls.credentials());
  // For the gateway: gRPC 1.51's transport in process loses messages of synchronous handlers.
  builder.AddListeningPort(own_socket_.address(), grpc::InsecureServerCredentials());
  for (grpc::Service* service : services) builder.RegisterService(service);
  add_limits(builder);
  std::vector<Interceptor> interceptors;
  interceptors.push_back(std::move(interceptor));
  builder.experimental().SetInterceptorCreators(std::move(interceptors));
  server_ = builder.BuildAndStart();
  if (!server_) throw Error(Code::kUnavailable, "gRPC does not start; do the TLS files fit?", "--tls-cert");
  listener_.start([this](int descriptor) {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
    connection.fd = descriptor;
    acceptor_->HandleNewConnection(&connection);
  });
}

std::shared_ptr<grpc::Channel> GrpcServer::own_channel() const {
  return grpc::CreateCustomChannel(own_socket_.address(), grpc::InsecureChannelCredentials(),
                                   own_channel_arguments());
}

void GrpcServer::close() {
  listener_.stop();
  if (auto* health = server_->GetHealthCheckService()) health->Shutdown();
}

void GrpcServer::shut_down(std::chrono::milliseconds grace) {
  server_->Shutdown(std::chrono::system_clock::now() + grace);
  server_->Wait();
}

}  // namespace hooke
