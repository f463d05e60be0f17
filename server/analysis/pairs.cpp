#include "server/analysis/pairs.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "proto/hooke/error.h"

namespace hooke::analysis {

static_assert(std::endian::native == std::endian::little, "tables are stored little-endian");

std::optional<double> ratio(float numerator, float denominator) {
  if (denominator == 0 || !std::isfinite(denominator)) return std::nullopt;
  return double{numerator} / double{denominator};
}

std::vector<float> decode_floats(std::string_view bytes) {
  if (bytes.size() % sizeof(float) != 0)
    throw Error(Code::kDataLoss, "a stored table of pairs has " + std::to_string(bytes.size()) + " bytes");
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

}  // namespace hooke::analysis
