#include "server/scheduling/grants.h"

#include "proto/hooke/text.h"
#include "server/storage/digest.h"
#include "server/storage/requests.h"

namespace hooke::scheduling {
namespace {

constexpr std::size_t kNonceBytes = 16;

// Derived, not stored: a repeated request gets the same token from the same nonce.
std::string derive_token(const std::string& secret, const std::string& run_id, std::int32_t attempt,
                         const std::string& nonce) {
  return storage::hmac_sha256(secret, run_id + "/" + std::to_string(attempt) + "/" + nonce);
}

}  // namespace

storage::Run require_run(storage::Snapshot& snapshot, const std::string& reference) {
  const std::string_view id = storage::run_id_of(reference);
  auto run = storage::find_run(snapshot, id);
  if (!run) throw Error(Code::kNotFound, "there is no run " + std::string(id));
  return std::move(*run);
}

void require_text(const std::string& field, const std::string& value, std::size_t limit) {
  if (value.empty()) throw invalid(field, "is missing");
  if (value.size() > limit) throw invalid(field, "is longer than " + std::to_string(limit) + " bytes");
  if (!is_printable(value)) throw invalid(field, "has a control character");
}

std::string server_secret(storage::Transaction& transaction, const storage::Random& random) {
  static constexpr const char* kName = "lease_secret";
  static constexpr std::size_t kBytes = 32;
  if (auto secret = storage::find_setting(transaction, kName)) return *secret;
  const std::string secret = random(kBytes);
  storage::put_setting(transaction, kName, secret);
  return secret;
}

void draw_token(storage::NewAttempt& attempt, const std::string& secret, const std::string& run_id,
                const storage::Random& random) {
  attempt.token_nonce = random(kNonceBytes);
  attempt.token_hash = storage::sha256(derive_token(secret, run_id, attempt.number, attempt.token_nonce));
}

LeaseGrant grant_of(storage::Transaction& transaction, const storage::Attempt& attempt,
                    const std::string& secret) {
  LeaseGrant grant;
  grant.run = *storage::find_run(transaction, attempt.run);
  grant.attempt = attempt.number;
  grant.token = derive_token(secret, grant.run.run_id, attempt.number, attempt.token_nonce);
  grant.period = std::chrono::milliseconds(attempt.period_us / 1000);
  grant.attempt_id = storage::id_of(attempt);
  grant.committed_record = attempt.last_record;
  return grant;
}

}  // namespace hooke::scheduling
