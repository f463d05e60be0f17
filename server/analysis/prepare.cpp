#include "server/analysis/prepare.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "proto/hooke/error.h"
#include "server/analysis/statistics.h"

namespace hooke::analysis {

std::string text_of(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.6g", value);
  return buffer;
}

Scale choose_scale(std::span<const Step> steps, std::span<const double> values, Scale wanted,
                   std::vector<std::string>& remarks) {
  if (wanted == Scale::kLinear) return wanted;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]) || values[i] > 0) continue;
    if (wanted == Scale::kLog)
      throw invalid("scale", "the log scale needs positive values; at step " + std::to_string(steps[i]) +
                                 " the value is " + text_of(values[i]) + " (ask for the linear scale)");
    remarks.push_back("values that are not positive (the first at step " + std::to_string(steps[i]) +
                      "): linear scale");
    return Scale::kLinear;
  }
  return Scale::kLog;
}

Points usable(std::span<const Step> steps, std::span<const double> values, std::span<const double> sd,
              Scale scale, std::vector<std::string>& remarks) {
  Points points;
  bool weighted = !sd.empty();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    points.step.push_back(steps[i]);
    points.value.push_back(scale == Scale::kLog ? std::log(values[i]) : values[i]);
    if (!weighted) continue;
    const double spread = scale == Scale::kLog ? sd[i] / values[i] : sd[i];
    if (!(spread > 0) || !std::isfinite(1 / (spread * spread))) {
      remarks.push_back("no usable standard deviation at step " + std::to_string(steps[i]) +
                        ": points weigh the same");
      weighted = false;
      continue;
    }
    points.weight.push_back(1 / (spread * spread));
  }
  if (!weighted) points.weight.assign(points.value.size(), 1.0);
  return points;
}

Prepared prepare(Points points, int min_segment) {
  Prepared p;
  const std::size_t n = points.step.size();
  const std::size_t bucket = (n + kMostPoints - 1) / kMostPoints;
  p.first_step = static_cast<double>(points.step.front());
  p.steps = static_cast<double>(points.step.back()) - p.first_step;
  const auto [low, high] = std::minmax_element(points.value.begin(), points.value.end());
  p.low = *low;
  p.range = *high - *low;
  std::vector<double> weights;
  for (std::size_t begin = 0; begin < n; begin += bucket) {
    const std::size_t end = std::min(begin + bucket, n);
    double weight = 0, x = 0, y = 0;
    for (std::size_t i = begin; i < end; ++i) {
      weight += points.weight[i];
      x += points.weight[i] * (static_cast<double>(points.step[i]) - p.first_step);
      y += points.weight[i] * (points.value[i] - p.low);
    }
    p.sample.x.push_back(x / weight / p.steps);
    p.sample.y.push_back(y / weight / p.range);
    weights.push_back(weight);
  }
  const double usual = mean(weights);
  for (const double weight : weights) p.sample.root_weight.push_back(std::sqrt(weight / usual));
  std::vector<double> gaps;
  for (std::size_t i = 1; i < p.sample.size(); ++i) gaps.push_back(p.sample.x[i] - p.sample.x[i - 1]);
  const double median = quantile(gaps, 0.5);
  p.sample.gap.push_back(0);
  for (const double gap : gaps) {
    const double units = gap / median;
    p.sample.gap.push_back(std::abs(units - 1) < 1e-9 ? 1 : units);
  }
  p.fewest = std::max<std::size_t>(2, (static_cast<std::size_t>(min_segment) + bucket - 1) / bucket);
  p.points = std::move(points);
  return p;
}

}  // namespace hooke::analysis
