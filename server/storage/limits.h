// Every limit of server/storage that is not an option.
#pragma once

#include <cstddef>

namespace hooke::storage {

// One connection writes and none but it locks; this is for the moments of opening and checkpoints.
inline constexpr int kBusyTimeoutMs = 5'000;
// Pages that the writer keeps in memory: with thousands of runs each has a few that are written again and
// again.
inline constexpr int kWriterCacheKib = 64 << 10;
// Of one value in the database.
inline constexpr int kMaxValueBytes = 64 << 20;
// Numbers tried for a name that is taken: name-2 … name-100000.
inline constexpr int kMaxNameNumber = 100'000;
// Of what a worker says of an end; longer text is cut.
inline constexpr std::size_t kMaxReasonBytes = 16u << 10;
inline constexpr std::size_t kMaxLogLineBytes = 4u << 10;
// Of one page of any list.
inline constexpr std::size_t kMaxPage = 10'000;

}  // namespace hooke::storage
