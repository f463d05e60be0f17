// What the queue's calls share: limits, tokens, and the grant of an attempt that is stored. Each works
// inside a job of the writer. Private to server/scheduling.
#pragma once

#include <string>

#include "server/scheduling/queue.h"
#include "server/storage/attempts.h"

namespace hooke::scheduling {

inline constexpr std::size_t kMaxNameBytes = 128;
inline constexpr std::size_t kMaxIdBytes = 128;

// Throws kInvalidArgument for an empty text, one of more than `limit` bytes, or one with control characters.
void require_text(const std::string& field, const std::string& value, std::size_t limit);

// What is said of a Slurm job; throws kInvalidArgument.
void check_slurm_job(const std::string& field, const storage::SlurmJob& job);

// The run with this id or resource name. Throws kNotFound.
storage::Run require_run(storage::Snapshot& snapshot, const std::string& reference);

// The secret that lease tokens are derived from, made at first use.
std::string server_secret(storage::Transaction& transaction, const storage::Random& random);

// Gives a new attempt its token: sets token_nonce and token_hash. REQUIRES: its number is set.
void draw_token(storage::NewAttempt& attempt, const std::string& secret, const std::string& run_id,
                const storage::Random& random);

// The grant of a stored attempt, without barriers.
LeaseGrant grant_of(storage::Transaction& transaction, const storage::Attempt& attempt,
                    const std::string& secret);

}  // namespace hooke::scheduling
