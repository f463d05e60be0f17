// hooke.v1.AccessService. Owned by server/app; gRPC's threads call it.
#pragma once

#include "hooke/v1/access.grpc.pb.h"
#include "server/services/gate.h"

namespace hooke::services {

class AccessService final : public v1::AccessService::Service {
 public:
  explicit AccessService(const Gate& gate) : gate_(gate) {}

  grpc::Status CreateToken(grpc::ServerContext* context, const v1::CreateTokenRequest* request,
                           v1::CreateTokenResponse* response) override;
  grpc::Status ListTokens(grpc::ServerContext* context, const v1::ListTokensRequest* request,
                          v1::ListTokensResponse* response) override;
  grpc::Status RevokeToken(grpc::ServerContext* context, const v1::RevokeTokenRequest* request,
                           v1::Token* response) override;
  grpc::Status WhoAmI(grpc::ServerContext* context, const v1::WhoAmIRequest* request,
                      v1::WhoAmIResponse* response) override;

 private:
  const Gate& gate_;
};

}  // namespace hooke::services
