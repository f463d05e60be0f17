#include "server/analysis/views.h"

#include "proto/hooke/error.h"

namespace hooke::analysis {
namespace {

// Of one plane: the entries, dominance, dominance_ratio, asymmetry, then selectivity of each class.
constexpr std::size_t kSummaries = 3;

std::size_t of_one_plane(std::size_t classes) {
  return classes * classes + kSummaries + classes;
}

}  // namespace

std::size_t view_count(std::size_t classes) {
  return classes == 0 ? 1 : 2 * of_one_plane(classes);
}

std::size_t view_of(const SeriesKey& key, std::size_t classes, std::size_t responding, std::size_t updated) {
  const std::size_t plane = key.plane == Plane::kMean ? 0 : of_one_plane(classes);
  const std::size_t entries = classes * classes;
  switch (key.figure) {
    case Figure::kStored:
      return 0;
    case Figure::kEntry:
      return plane + responding * classes + updated;
    case Figure::kDominance:
      return plane + entries;
    case Figure::kDominanceRatio:
      return plane + entries + 1;
    case Figure::kAsymmetry:
      return plane + entries + 2;
    case Figure::kSelectivity:
      return plane + entries + kSummaries + updated;
  }
  throw Error(Code::kInternal, "a figure without a view");
}

std::vector<double> views(const Cells& cells) {
  std::vector<double> all;
  all.reserve(view_count(cells.classes));
  for (const Plane plane : {Plane::kMean, Plane::kRatioOfMeans}) {
    const std::vector<double> matrix = plane_of(cells, plane);
    all.insert(all.end(), matrix.begin(), matrix.end());
    all.push_back(dominance(matrix, cells.classes));
    all.push_back(dominance_ratio(matrix, cells.classes));
    all.push_back(asymmetry(matrix, cells.classes));
    for (std::size_t updated = 0; updated < cells.classes; ++updated)
      all.push_back(selectivity(matrix, cells.classes, updated));
  }
  return all;
}

}  // namespace hooke::analysis
