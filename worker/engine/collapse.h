// Neural collapse of the features that the last layer sees (Papyan, Han & Donoho, arXiv
// 2008.08186). No LibTorch.
#pragma once

#include <cstddef>
#include <span>

#include "worker/engine/measures.h"

namespace hooke::engine {

// All are 0 at collapse, and have no dimension.
struct Collapse {
  // tr(Sigma_W pinv(Sigma_B)) / K: spread within the classes over the spread between them.
  double nc1 = 0;
  // |M'M / |M'M| - (I - 11'/K) / sqrt(K - 1)|, M the centred class means as columns, Frobenius
  // norms: distance from a simplex whose corners are equally far and equally apart.
  double nc2 = 0;
  // |W / |W| - M' / |M||: the last layer's weights point along the class means.
  double nc3 = 0;
  // Share of the probes that the net does not put into the class whose mean is nearest.
  double nc4 = 0;
};

// `features` [probes][n], `weights` of the last layer [classes][n], `z` [probes][classes]; probes
// class by class. NaN where something divides by 0.
Collapse collapse(const Grouping& grouping, std::span<const double> features, std::span<const double> weights,
                  std::span<const double> z);

}  // namespace hooke::engine
