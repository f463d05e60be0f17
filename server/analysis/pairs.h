// Tables of raw pairs: S and what it is made of, for every updated and every responding probe.
//
// Pure functions, callable from any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace hooke::analysis {

// Rows of one table, or all of them. Probes are class by class.
struct PairTable {
  std::size_t classes = 0;
  std::size_t per_class = 0;
  bool self_pairs = true;           // whether pairs with x' = x count
  std::vector<float> numerators;    // [responding][updated]
  std::vector<float> denominators;  // [updated], or as `numerators`

  std::size_t probes() const { return classes * per_class; }
  float denominator(std::size_t responding, std::size_t updated) const {
    return denominators.size() == probes() ? denominators[updated]
                                           : denominators[responding * probes() + updated];
  }
};

// S of a pair; none where it is skipped: the denominator is 0 or not finite.
std::optional<double> ratio(float numerator, float denominator);

// Little-endian float32. Throws hooke::Error (kDataLoss) for a broken number of bytes.
std::vector<float> decode_floats(std::string_view bytes);

}  // namespace hooke::analysis
