#include "tests/bench/calibration/scores.h"

#include <algorithm>
#include <set>
#include <utility>

namespace hooke::bench {
namespace {

std::set<std::size_t> with_first(const ChangePoints& points) {
  std::set<std::size_t> all(points.begin(), points.end());
  all.insert(0);
  return all;
}

// True points that have a predicted one within the margin, each predicted one used once.
double matched(const std::set<std::size_t>& truth, std::set<std::size_t> predicted, std::size_t margin) {
  double count = 0;
  for (const std::size_t point : truth) {
    auto nearest = predicted.end();
    std::size_t least = margin + 1;
    for (auto it = predicted.begin(); it != predicted.end(); ++it) {
      const std::size_t distance = *it > point ? *it - point : point - *it;
      if (distance >= least) continue;
      least = distance;
      nearest = it;
    }
    if (nearest == predicted.end()) continue;
    predicted.erase(nearest);
    ++count;
  }
  return count;
}

std::vector<std::pair<std::size_t, std::size_t>> segments(const ChangePoints& points, std::size_t count) {
  std::vector<std::pair<std::size_t, std::size_t>> out;
  std::size_t begin = 0;
  for (const std::size_t point : points) {
    out.emplace_back(begin, point);
    begin = point;
  }
  out.emplace_back(begin, count);
  return out;
}

}  // namespace

double f1(const std::vector<ChangePoints>& annotators, const ChangePoints& predicted, std::size_t margin) {
  const auto ours = with_first(predicted);
  std::set<std::size_t> together;
  double recall = 0;
  for (const ChangePoints& points : annotators) {
    const auto truth = with_first(points);
    together.insert(truth.begin(), truth.end());
    recall += matched(truth, ours, margin) / static_cast<double>(truth.size());
  }
  recall /= static_cast<double>(annotators.size());
  const double precision = matched(together, ours, margin) / static_cast<double>(ours.size());
  return 2 * precision * recall / (precision + recall);
}

double covering(const std::vector<ChangePoints>& annotators, const ChangePoints& predicted,
                std::size_t points) {
  const auto ours = segments(predicted, points);
  double sum = 0;
  for (const ChangePoints& annotator : annotators) {
    for (const auto& [begin, end] : segments(annotator, points)) {
      double best = 0;
      for (const auto& [from, to] : ours) {
        const std::size_t low = std::max(begin, from), high = std::min(end, to);
        if (low >= high) continue;
        const auto both = static_cast<double>(high - low);
        best = std::max(best, both / (static_cast<double>(end - begin + to - from) - both));
      }
      sum += best * static_cast<double>(end - begin) / static_cast<double>(points);
    }
  }
  return sum / static_cast<double>(annotators.size());
}

}  // namespace hooke::bench
