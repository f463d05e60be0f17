// Every limit of the ingest protocol.
#pragma once

#include <cstddef>
#include <cstdint>

#include "proto/hooke/import.h"
#include "proto/hooke/pairs.h"

namespace hooke::ingest {

inline constexpr std::size_t kMaxBatchBytes = 4u << 20;
inline constexpr std::size_t kMaxKeyBytes = kMaxSeriesKeyBytes;
inline constexpr std::size_t kMaxSeries = 20'000;   // of one run
inline constexpr std::size_t kMaxScalars = 10'000;  // of one record
inline constexpr std::size_t kMaxClasses = 450;
inline constexpr std::size_t kMaxClassNameBytes = 128;
inline constexpr std::size_t kMaxDescriptionBytes = 1024;
inline constexpr std::size_t kMaxProvenanceBytes = 1u << 20;  // as JSON
// Whole numbers up to here are exact in every JSON reader.
inline constexpr std::int64_t kMaxStep = (std::int64_t{1} << 53) - 1;
// Imports at a time: each keeps up to kMaxImportPoints (24 bytes a point) in memory until it is whole.
inline constexpr int kMaxImports = 4;
inline constexpr std::size_t kMaxSourceBytes = 1024;
// mean, sd, ratio_of_means (float32), skipped, nonfinite (uint32).
inline constexpr std::size_t kBytesPerCell = 20;

// A matrix of the most classes fits into a batch.
static_assert(kMaxClasses * kMaxClasses * kBytesPerCell < kMaxBatchBytes);
// So does a block of pairs with a denominator each.
static_assert(2 * kPairBlockBytes < kMaxBatchBytes);

}  // namespace hooke::ingest
