// The reactor of a stream that ends before it begins. It deletes itself.
#pragma once

#include <grpcpp/support/server_callback.h>

namespace hooke::services {

template <class Response>
class RefusedFeed final : public grpc::ServerWriteReactor<Response> {
 public:
  explicit RefusedFeed(const grpc::Status& status) { this->Finish(status); }
  void OnDone() override { delete this; }
};

template <class Request, class Response>
class RefusedStream final : public grpc::ServerBidiReactor<Request, Response> {
 public:
  explicit RefusedStream(const grpc::Status& status) { this->Finish(status); }
  void OnDone() override { delete this; }
};

}  // namespace hooke::services
