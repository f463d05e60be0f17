// Decides who may call what. A caller shows a token as "authorization: Bearer TOKEN": the admin's, or one
// that AccessService made; or a certificate whose name was given a role.
//
// Owned by server/app. Any thread may call it; changes count from the next call on.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "proto/hooke/error.h"
#include "server/storage/tokens.h"

namespace hooke::access {

struct Caller {
  std::string owner;  // of the token; of a certificate its name; empty when nothing is asked for
  storage::Role role = storage::Role::kRead;
  std::string token_hash = {};  // empty without a token
};

// What a caller shows; empty: nothing.
struct Shown {
  std::string_view authorization = {};  // the header, as it came
  std::string_view certificate = {};    // common name of the certificate that TLS has checked
  bool over_http = false;               // only tokens count there
};

// Of certificates by their common name; "*": any other.
using CertificateRoles = std::map<std::string, storage::Role, std::less<>>;

class Access {
 public:
  // Without an admin's token nothing is asked for, and every caller may do everything: for loopback only.
  Access(std::optional<std::string> admin_token, CertificateRoles certificates, storage::Clock clock);

  bool asks_for_tokens() const { return !open_; }
  // REQUIRES: asks_for_tokens().
  void set_admin_token(std::string_view token);
  // Adds one, or puts it in the place of the one with its id.
  void put(const storage::Token& token);

  // The caller of `method` (as on the wire).
  // Throws hooke::Error: kUnauthenticated without a valid token or certificate where one is needed;
  // kPermissionDenied when its role does not include what the method needs, or when the method is
  // not in the table.
  Caller check(std::string_view method, const Shown& shown) const;

  // For a call that goes on: throws hooke::Error (kUnauthenticated) when the caller's token has been revoked,
  // has expired or was replaced since check().
  void check_again(const Caller& caller) const;

 private:
  Caller caller_of_token(std::string hash) const;
  Caller identify(const Shown& shown) const;

  const bool open_;
  const CertificateRoles certificates_;
  const storage::Clock clock_;
  mutable std::mutex mutex_;
  std::string admin_hash_;
  // By the first bytes of their hashes, which are compared as a whole: a look-up takes a time that tells
  // nothing.
  std::multimap<std::string, storage::Token> tokens_;
};

}  // namespace hooke::access
