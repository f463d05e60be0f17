#include "server/analysis/consensus.h"

#include <algorithm>
#include <cmath>

#include "server/analysis/statistics.h"

namespace hooke::analysis {
namespace {

// Standard deviation of a step that is known to the step.
constexpr double kResolution = 0.29;

Agreement pooled(std::span<const Located> group, double z) {
  double weight = 0, squares = 0, sum = 0;
  std::vector<double> variance;
  for (const Located& t : group) {
    const double error = std::max((t.high - t.low) / (2 * z), kResolution);
    variance.push_back(error * error);
    weight += 1 / variance.back();
    squares += 1 / (variance.back() * variance.back());
    sum += t.step / variance.back();
  }
  const double centre = sum / weight;
  double q = 0;
  for (std::size_t i = 0; i < group.size(); ++i)
    q += (group[i].step - centre) * (group[i].step - centre) / variance[i];
  const double degrees = static_cast<double>(group.size()) - 1;
  const double between = group.size() < 2 ? 0 : std::max(0.0, (q - degrees) / (weight - squares / weight));
  weight = sum = 0;
  Agreement agreement;
  for (std::size_t i = 0; i < group.size(); ++i) {
    const double w = 1 / (variance[i] + between);
    weight += w;
    sum += w * group[i].step;
    agreement.members.push_back(group[i].member);
  }
  std::sort(agreement.members.begin(), agreement.members.end());
  agreement.members.erase(std::unique(agreement.members.begin(), agreement.members.end()),
                          agreement.members.end());
  agreement.step = sum / weight;
  agreement.low = agreement.step - z / std::sqrt(weight);
  agreement.high = agreement.step + z / std::sqrt(weight);
  agreement.spread = std::sqrt(between);
  return agreement;
}

}  // namespace

std::vector<Agreement> agreements(std::span<const Located> transitions, double level) {
  std::vector<Located> sorted(transitions.begin(), transitions.end());
  std::erase_if(sorted, [](const Located& t) { return !(std::isfinite(t.low) && std::isfinite(t.high)); });
  std::sort(sorted.begin(), sorted.end(), [](const Located& a, const Located& b) { return a.low < b.low; });
  const double z = normal_quantile(1 - level / 2);
  std::vector<Agreement> found;
  for (std::size_t begin = 0; begin < sorted.size();) {
    std::size_t end = begin + 1;
    double reach = sorted[begin].high;
    while (end < sorted.size() && sorted[end].low <= reach) reach = std::max(reach, sorted[end++].high);
    found.push_back(pooled(std::span(sorted).subspan(begin, end - begin), z));
    begin = end;
  }
  std::sort(found.begin(), found.end(),
            [](const Agreement& a, const Agreement& b) { return a.step < b.step; });
  return found;
}

}  // namespace hooke::analysis
