// How well predicted change points fit several annotators' (van den Burg & Williams, arXiv 2003.06222).
#pragma once

#include <cstddef>
#include <vector>

namespace hooke::bench {

// First points of new segments, from 0, increasing; the series' own first point is not among them.
using ChangePoints = std::vector<std::size_t>;

// F1 with a margin in points: precision against all annotators' together, recall averaged over them; the
// first point counts as a change that everybody marks. At least one annotator.
double f1(const std::vector<ChangePoints>& annotators, const ChangePoints& predicted, std::size_t margin);

// How well the best overlapping predicted segment covers each annotated one (Jaccard index), weighed by its
// length, averaged over annotators.
double covering(const std::vector<ChangePoints>& annotators, const ChangePoints& predicted,
                std::size_t points);

}  // namespace hooke::bench
