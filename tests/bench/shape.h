// What a record of bench_ingest holds.
#pragma once

#include <cstdint>

namespace hooke::bench {

inline constexpr std::int64_t kTimeUs = 1'764'000'000'000'000;  // of step 0

struct Shape {
  const char* name;
  int scalars;  // 0: one matrix
  int classes;
  std::int64_t rows() const { return scalars > 0 ? scalars : 1; }
};

}  // namespace hooke::bench
