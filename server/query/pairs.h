// GetPairs, and whole tables for others that ask. Callable from any thread.
#pragma once

#include "hooke/v1/query.pb.h"
#include "server/analysis/pairs.h"
#include "server/storage/pairs.h"
#include "server/storage/readers.h"

namespace hooke::query {

// Numerators of one answer, so that it stays below the limit of a message.
inline constexpr std::size_t kMostPairsPerAnswer = 200'000;

// Key of the pairs behind a measure's series: "elasticity/kl@small.pairs".
std::string pairs_key(const std::string& measure_key);

// A whole table. Throws hooke::Error: kNotFound when there is none at that step, kDataLoss.
analysis::PairTable read_pair_table(storage::Snapshot& snapshot, const storage::Series& series, Step step);

// Throws hooke::Error: kNotFound (run, series, step), kInvalidArgument (another kind of series,
// page_token), kFailedPrecondition (no table yet).
v1::GetPairsResponse get_pairs(storage::Snapshot& snapshot, const v1::GetPairsRequest& request);

}  // namespace hooke::query
