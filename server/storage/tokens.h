// Tokens of callers: records and SQL. Secrets are never stored, only their SHA-256.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/storage/transaction.h"
#include "server/storage/types.h"

namespace hooke::storage {

// hooke.v1.Role.
enum class Role { kRead = 1, kWorker = 2, kSubmit = 3, kAdmin = 4 };

struct Token {
  std::string token_id;  // last part of its resource name; unique
  std::string hash;      // SHA-256 of the secret, 32 bytes; unique
  std::string owner;
  Role role = Role::kRead;
  TimeUs create_us = 0;
  std::optional<TimeUs> expire_us;
  std::optional<TimeUs> revoke_us;
};

// Throws kAlreadyExists when its id or hash is taken.
void insert_token(Transaction& transaction, const Token& token);
std::optional<Token> find_token(Snapshot& snapshot, std::string_view token_id);
std::optional<Token> find_token_by_hash(Snapshot& snapshot, std::string_view hash);
// Revoked ones too.
std::int64_t count_tokens(Snapshot& snapshot);
// Oldest first, revoked ones too.
Page<Token> list_tokens(Snapshot& snapshot, const PageRequest& page);
// Keeps the first time it was revoked. Throws kNotFound.
void revoke_token(Transaction& transaction, std::string_view token_id, TimeUs now);

}  // namespace hooke::storage
