// Decides who may call what. A caller shows a token as "authorization: Bearer TOKEN"; there is one,
// the admin's.
//
// Owned by server/app; immutable, so any thread may call it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/hooke/error.h"
#include "server/storage/tokens.h"

namespace hooke::access {

struct Caller {
  std::string owner;  // empty without a token
  storage::Role role = storage::Role::kRead;
};

class Access {
 public:
  // Without a token nothing is asked for, and every caller may do everything: for loopback only.
  explicit Access(std::optional<std::string> admin_token);

  bool asks_for_tokens() const { return token_hash_.has_value(); }

  // The caller of `method` (as on the wire), who showed `authorization` (empty: nothing).
  // Throws hooke::Error: kUnauthenticated without a valid token where one is needed;
  // kPermissionDenied when its role does not include what the method needs, or when the method is
  // not in the table.
  Caller check(std::string_view method, std::string_view authorization) const;

 private:
  std::optional<std::string> token_hash_;
};

}  // namespace hooke::access
