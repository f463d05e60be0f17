// Does influence follow the distance along the manifold? Pearson's correlation of S with geodesic
// distance (He & Su, arXiv 1910.06943). Pure functions; no LibTorch.
#pragma once

#include <cstdint>
#include <span>

namespace hooke::training {

struct Correlation {
  double pearson = 0;         // NaN when there are fewer than two pairs or a side is constant
  std::int64_t left_out = 0;  // pairs with a distance whose S was skipped or is not finite
};

// Over the pairs x' != x of m probes that have a distance: `ratios` S [updated][responding], NaN where
// skipped, `distances` [m][m], NaN where there is none.
Correlation correlate(std::span<const double> ratios, std::span<const double> distances, std::size_t m);

}  // namespace hooke::training
