// What a trainer records, and its encoding in a spool file.
//
// A record is one of four kinds. The bulk (scalars, matrices, pairs) is packed binary; everything else
// is the protocol's own JSON of a hooke.v1.Record body, which the agent forwards as it stands.
// All integers and floats are little-endian. Standard library only: the trainer must not link a
// protocol library.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hooke::spool {

enum class Kind : std::uint8_t {
  kJson = 1,     // {"attemptStart": {...}}, {"seriesDeclaration": {...}}, {"barrier": {...}}, …
  kScalars = 2,  // encode(Scalars)
  kMatrix = 3,   // encode(Matrix)
  kPairs = 4,    // encode(Pairs)
};

struct Record {
  std::uint64_t number = 0;  // from 1, without gaps
  Kind kind = Kind::kJson;
  std::string payload;

  bool operator==(const Record&) const = default;
};

// Values of several scalar series at one training step.
struct Scalars {
  std::int64_t step = 0;
  std::int64_t time_us = 0;                            // microseconds since the Unix epoch
  std::vector<std::pair<std::string, double>> values;  // series key, value; NaN and ±inf are data

  bool operator==(const Scalars&) const = default;
};

// One class-by-class matrix. The planes follow each other, each row-major [responding][updated]:
// mean, sd, ratio_of_means as float32, then skipped and nonfinite as uint32; so planes.size() is
// 5 * 4 * rows * columns.
struct Matrix {
  std::int64_t step = 0;
  std::int64_t time_us = 0;
  std::string series;  // key, as in "elasticity/kl@small"
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  std::string planes;

  bool operator==(const Matrix&) const = default;
};

inline constexpr std::size_t kMatrixPlanes = 5;

std::string encode(const Scalars& scalars);
// A block of rows of one table of pairs, as hooke.v1.PairsPoint describes it: float32, row-major.
struct Pairs {
  std::int64_t step = 0;
  std::int64_t time_us = 0;
  std::string series;  // key, as in "elasticity/kl@small.pairs"
  std::uint32_t first_row = 0;
  std::string numerators;    // [rows][probes]
  std::string denominators;  // [probes] or [rows][probes]

  bool operator==(const Pairs&) const = default;
};

std::string encode(const Matrix& matrix);
std::string encode(const Pairs& pairs);

// Throw hooke::Error (kDataLoss) when the payload is not exactly one such value.
Scalars decode_scalars(std::string_view payload);
Matrix decode_matrix(std::string_view payload);
Pairs decode_pairs(std::string_view payload);

}  // namespace hooke::spool
