#include "server/services/access_service.h"

namespace hooke::services {
namespace {

static_assert(static_cast<int>(storage::Role::kRead) == v1::ROLE_READ);
static_assert(static_cast<int>(storage::Role::kAdmin) == v1::ROLE_ADMIN);

constexpr const char* kOneToken = "; until then the admin token of the data folder is the only one";

std::string method(const char* name) {
  return std::string("/hooke.v1.AccessService/") + name;
}

}  // namespace

grpc::Status AccessService::CreateToken(grpc::ServerContext* context, const v1::CreateTokenRequest*,
                                        v1::CreateTokenResponse*) {
  return gate_.unimplemented(*context, method("CreateToken"),
                             std::string("CreateToken will make a token with a role and an end") + kOneToken);
}

grpc::Status AccessService::ListTokens(grpc::ServerContext* context, const v1::ListTokensRequest*,
                                       v1::ListTokensResponse*) {
  return gate_.unimplemented(*context, method("ListTokens"),
                             std::string("ListTokens will list tokens without their secrets") + kOneToken);
}

grpc::Status AccessService::RevokeToken(grpc::ServerContext* context, const v1::RevokeTokenRequest*,
                                        v1::Token*) {
  return gate_.unimplemented(*context, method("RevokeToken"),
                             std::string("RevokeToken will end a token at once") + kOneToken);
}

grpc::Status AccessService::WhoAmI(grpc::ServerContext* context, const v1::WhoAmIRequest*,
                                   v1::WhoAmIResponse* response) {
  return gate_.run(*context, method("WhoAmI"), [&](const access::Caller& caller) {
    response->set_owner(caller.owner);
    response->set_role(static_cast<v1::Role>(caller.role));
  });
}

}  // namespace hooke::services
