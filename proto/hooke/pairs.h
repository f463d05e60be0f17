// Tables of raw pairs (probes.keep_pairs): the limits that submit, trainer and server share.
// Standard library only.
#pragma once

#include <cstddef>

namespace hooke {

// Most probes, of all classes together, whose pairs can be kept: 64 MiB a table.
inline constexpr std::size_t kMaxPairProbes = 4096;

// A table travels and is stored in blocks of whole rows, about this size, so that a batch of records
// stays below its limit.
inline constexpr std::size_t kPairBlockBytes = 1 << 20;

// Rows of a block, but for the last: at least one.
constexpr std::size_t pair_block_rows(std::size_t probes) {
  const std::size_t rows = kPairBlockBytes / (probes * sizeof(float));
  return rows == 0 ? 1 : rows;
}

}  // namespace hooke
