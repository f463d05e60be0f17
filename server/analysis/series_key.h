// The language of series keys: what is stored, and what is derived from it.
//
//   train/loss, elasticity/kl@small     stored series
//   elasticity/kl[ship,plane]           an entry of a matrix: responding, updated
//   elasticity/kl.dominance             a figure of a matrix: also .dominance_ratio, .asymmetry
//   elasticity/kl.selectivity[plane]    a figure of one updated class
// Before any of the derived ones, `.ratio` takes the ratio of means in place of the mean, as in
// elasticity/loss.ratio.dominance. Pure functions, callable from any thread.
#pragma once

#include <string>
#include <string_view>

namespace hooke::analysis {

enum class Figure { kStored, kEntry, kDominance, kDominanceRatio, kSelectivity, kAsymmetry };

// The plane of a stored matrix that a derived key reads.
enum class Plane { kMean, kRatioOfMeans };

struct SeriesKey {
  std::string stored;  // key of the stored series, as "elasticity/kl@small"
  Figure figure = Figure::kStored;
  Plane plane = Plane::kMean;
  std::string responding;  // class names, for an entry
  std::string updated;     // for an entry and for selectivity

  bool operator==(const SeriesKey&) const = default;
};

// Throws hooke::Error (kInvalidArgument, field "keys") when the key is not of one of the forms above.
SeriesKey parse_series_key(std::string_view text);

// The reverse of parse_series_key.
std::string to_string(const SeriesKey& key);

}  // namespace hooke::analysis
