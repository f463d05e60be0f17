#include "server/storage/tokens.h"

#include "server/storage/page.h"
#include "server/storage/statement.h"

namespace hooke::storage {
namespace {

#define TOKEN_COLUMNS "SELECT id, token_id, hash, owner, role, create_us, expire_us, revoke_us FROM tokens "

Token read_token(Statement& row) {
  return {row.text(1),    row.text(2),          row.text(3),         row.enumeration<Role>(4),
          row.integer(5), row.maybe_integer(6), row.maybe_integer(7)};
}

std::optional<Token> read_one_token(Statement&& row) {
  if (!row.step()) return std::nullopt;
  return read_token(row);
}

}  // namespace

void insert_token(Transaction& transaction, const Token& token) {
  if (Statement(transaction, "SELECT 1 FROM tokens WHERE token_id = ? OR hash = ?", token.token_id,
                Blob{token.hash})
          .step())
    throw Error(Code::kAlreadyExists, "there is a token " + token.token_id + " already", "token");
  Statement(transaction,
            "INSERT INTO tokens (token_id, hash, owner, role, create_us, expire_us, revoke_us) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            token.token_id, Blob{token.hash}, token.owner, token.role, token.create_us, token.expire_us,
            token.revoke_us)
      .run();
}

std::optional<Token> find_token(Snapshot& snapshot, std::string_view token_id) {
  return read_one_token(Statement(snapshot, TOKEN_COLUMNS "WHERE token_id = ?", token_id));
}

std::optional<Token> find_token_by_hash(Snapshot& snapshot, std::string_view hash) {
  return read_one_token(Statement(snapshot, TOKEN_COLUMNS "WHERE hash = ?", Blob{hash}));
}

std::int64_t count_tokens(Snapshot& snapshot) {
  Statement count(snapshot, "SELECT count(*) FROM tokens");
  count.step();
  return count.integer(0);
}

Page<Token> list_tokens(Snapshot& snapshot, const PageRequest& page) {
  check_number_cursor(page.after);
  Page<Token> found;
  std::vector<std::int64_t> ids;
  Statement rows(snapshot, TOKEN_COLUMNS "WHERE id > ? ORDER BY id LIMIT ?",
                 page.after.empty() ? 0 : std::stoll(page.after), fetch(page));
  while (rows.step()) {
    ids.push_back(rows.integer(0));
    found.items.push_back(read_token(rows));
  }
  close_page(found, page, [&](const Token&) { return std::to_string(ids[found.items.size() - 1]); });
  return found;
}

void revoke_token(Transaction& transaction, std::string_view token_id, TimeUs now) {
  const auto changed =
      Statement(transaction, "UPDATE tokens SET revoke_us = coalesce(revoke_us, ?) WHERE token_id = ?", now,
                token_id)
          .run();
  if (changed == 0) throw Error(Code::kNotFound, "there is no token " + std::string(token_id));
}

}  // namespace hooke::storage
