// The same rows straight into SQLite: what bench_ingest compares the server with.
#pragma once

#include <cstdint>

#include "tests/bench/shape.h"

namespace hooke::bench {

// Seconds for `rows` rows of `streams` streams, stream after stream a batch, with the server's durability and
// as many rows in a commit as it had.
double raw_seconds(const Shape& shape, int streams, std::int64_t rows, double rows_per_commit);

}  // namespace hooke::bench
