// hooke.v1.AccessService: tokens are made, listed and revoked here, and stored as hashes only.
// Owned by server/app; gRPC's threads call it.
#pragma once

#include "hooke/v1/access.grpc.pb.h"
#include "server/services/gate.h"
#include "server/storage/readers.h"
#include "server/storage/writer.h"

namespace hooke::services {

class AccessService final : public v1::AccessService::Service {
 public:
  // Tells `access` of every token that is stored, and later of what changes.
  AccessService(const Gate& gate, access::Access& access, storage::Writer& writer, storage::Readers& readers,
                storage::Clock clock, storage::Random random);

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
  access::Access& access_;
  storage::Writer& writer_;
  storage::Readers& readers_;
  const storage::Clock clock_;
  const storage::Random random_;
};

}  // namespace hooke::services
