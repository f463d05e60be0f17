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
    "; the admin token is in the file `token` of the server's data folder, `hooke tokens create` makes "
    "others: "
    "HOOKE_TOKEN_FILE names such a file, HOOKE_TOKEN holds the token itself";
constexpr std::size_t kPrefix = 8;

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

Access::Access(std::optional<std::string> admin_token, CertificateRoles certificates, storage::Clock clock)
    : open_(!admin_token), certificates_(std::move(certificates)), clock_(std::move(clock)) {
  if (admin_token) set_admin_token(*admin_token);
}

// Hashes are compared, so neither the time nor a core dump tells much of the token.
void Access::set_admin_token(std::string_view token) {
  const std::lock_guard lock(mutex_);
  admin_hash_ = storage::sha256(token);
}

void Access::put(const storage::Token& token) {
  const std::lock_guard lock(mutex_);
  const std::string prefix = token.hash.substr(0, kPrefix);
  auto [begin, end] = tokens_.equal_range(prefix);
  const auto known =
      std::find_if(begin, end, [&](const auto& one) { return one.second.token_id == token.token_id; });
  if (known != end)
    known->second = token;
  else
    tokens_.emplace(prefix, token);
}

Caller Access::caller_of_token(std::string hash) const {
  const std::lock_guard lock(mutex_);
  if (storage::equal_secrets(hash, admin_hash_)) return {"admin", Role::kAdmin, std::move(hash)};
  const auto [begin, end] = tokens_.equal_range(hash.substr(0, kPrefix));
  for (auto one = begin; one != end; ++one) {
    const storage::Token& known = one->second;
    if (!storage::equal_secrets(hash, known.hash)) continue;
    const std::string name = "the token " + known.token_id + " of " + known.owner;
    if (known.revoke_us) throw Error(Code::kUnauthenticated, name + " was revoked");
    if (known.expire_us && *known.expire_us <= clock_())
      throw Error(Code::kUnauthenticated, name + " has expired");
    return {known.owner, known.role, std::move(hash)};
  }
  throw Error(Code::kUnauthenticated, std::string("the token is not valid here") + kHint);
}

Caller Access::identify(const Shown& shown) const {
  if (const auto token = token_of(shown.authorization)) return caller_of_token(storage::sha256(*token));
  if (shown.over_http && !certificates_.empty())
    throw Error(
        Code::kUnauthenticated,
        std::string("over HTTP a certificate alone is not enough: a page in a browser would carry it without "
                    "being asked; show a token") +
            kHint);
  if (!shown.certificate.empty() && !certificates_.empty()) {
    auto known = certificates_.find(shown.certificate);
    if (known == certificates_.end()) known = certificates_.find("*");
    if (known != certificates_.end()) return {std::string(shown.certificate), known->second, {}};
    throw Error(Code::kUnauthenticated,
                "the certificate of '" + std::string(shown.certificate) +
                    "' was given no role by --tls-client-role, and no token was shown" + kHint);
  }
  throw Error(Code::kUnauthenticated, std::string("this server asks for a token") + kHint);
}

Caller Access::check(std::string_view method, const Shown& shown) const {
  const Method* known = find_method(method);
  if (known == nullptr)
    throw Error(Code::kPermissionDenied, "method " + std::string(method) + " is open to no one");
  if (!known->role || open_) return {"", Role::kAdmin, {}};
  Caller caller = identify(shown);
  if (!allows(*known, caller.role))
    throw Error(Code::kPermissionDenied, std::string("the role ") + name_of(caller.role) + " of " +
                                             caller.owner + " does not allow " + std::string(method) +
                                             "; it needs " + name_of(*known->role));
  return caller;
}

void Access::check_again(const Caller& caller) const {
  if (!caller.token_hash.empty()) caller_of_token(caller.token_hash);
}

}  // namespace hooke::access
