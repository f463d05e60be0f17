#include "server/access/access.h"

#include <algorithm>
#include <cctype>

#include "proto/hooke/channel.h"
#include "server/access/methods.h"
#include "server/storage/digest.h"

namespace hooke::access {
namespace {

using storage::Role;

constexpr const char* kHint =
    "; the admin token is in the file `token` of the server's data folder: HOOKE_TOKEN_FILE names such a "
    "file, HOOKE_TOKEN holds the token itself";

// The token of "Bearer TOKEN"; the scheme's case does not matter.
std::optional<std::string_view> token_of(std::string_view authorization) {
  const std::string_view scheme = kBearer;
  if (authorization.size() <= scheme.size()) return std::nullopt;
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  if (!std::equal(scheme.begin(), scheme.end(), authorization.begin(), same)) return std::nullopt;
  return authorization.substr(scheme.size());
}

}  // namespace

Access::Access(std::optional<std::string> admin_token) {
  // Hashes are compared, so neither the time nor a core dump tells much of the token.
  if (admin_token) token_hash_ = storage::sha256(*admin_token);
}

Caller Access::check(std::string_view method, std::string_view authorization) const {
  const Method* known = find_method(method);
  if (known == nullptr)
    throw Error(Code::kPermissionDenied, "method " + std::string(method) + " is open to no one");
  if (!known->role || !token_hash_) return {"", Role::kAdmin};
  const auto token = token_of(authorization);
  if (!token) throw Error(Code::kUnauthenticated, std::string("this server asks for a token") + kHint);
  if (!storage::equal_secrets(storage::sha256(*token), *token_hash_))
    throw Error(Code::kUnauthenticated, std::string("the token is not valid here") + kHint);
  const Caller caller{"admin", Role::kAdmin};
  if (!includes(caller.role, *known->role))
    throw Error(Code::kPermissionDenied, "the token's role does not allow " + std::string(method));
  return caller;
}

}  // namespace hooke::access
