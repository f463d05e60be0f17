#include "server/query/drawing.h"

#include <algorithm>
#include <limits>

#include "server/analysis/downsample.h"
#include "server/analysis/views.h"
#include "server/storage/levels.h"

namespace hooke::query {
namespace {

using analysis::Figure;
using storage::Bucket;
using storage::Snapshot;
using storage::StepRange;

// Rows that are read for each point that is wanted, at most: a level has 16 times as many as the next.
constexpr std::int64_t kRowsPerPoint = 4;

bool is_scalar(const Source& source) {
  return source.key.figure == Figure::kStored;
}

std::size_t view(const Source& source) {
  return analysis::view_of(source.key, source.series.declaration.class_names.size(), source.responding,
                           source.updated);
}

// Calls use(bucket) for the full buckets of a level inside the range and rest(range) for the stretches
// before and after them, in order.
template <class Use, class Rest>
void split(Snapshot& snapshot, const Source& source, int level, StepRange range, Use use, Rest rest) {
  const auto buckets = storage::read_level(snapshot, source.series.id, level, range, view(source));
  if (buckets.empty()) return rest(range);
  if (buckets.front().first_step > range.from) rest(StepRange{range.from, buckets.front().first_step - 1});
  for (const Bucket& bucket : buckets) use(bucket);
  if (buckets.back().last_step < range.to) rest(StepRange{buckets.back().last_step + 1, range.to});
}

std::int64_t points_of(int level) {
  std::int64_t points = 1;
  for (int l = 0; l < level; ++l) points *= storage::kPointsPerBucket;
  return points;
}

// From the top level down: what a level's buckets leave over is counted below.
std::int64_t count(Snapshot& snapshot, const Source& source, int level, StepRange range) {
  if (range.from > range.to) return 0;
  if (level == 0) {
    return is_scalar(source) ? storage::count_scalars(snapshot, source.series.id, range)
                             : std::ssize(storage::matrix_steps(snapshot, source.series.id, range));
  }
  std::int64_t total = 0;
  split(
      snapshot, source, level, range, [&](const Bucket&) { total += points_of(level); },
      [&](StepRange left) { total += count(snapshot, source, level - 1, left); });
  return total;
}

void append(Values& values, Step step, double value) {
  if (!values.step.empty() && step <= values.step.back()) return;
  values.step.push_back(step);
  values.value.push_back(value);
}

void append(Values& values, const analysis::Extremes& extremes) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  std::vector<std::pair<Step, double>> points = {
      {extremes.low_step, extremes.low}, {extremes.high_step, extremes.high}, {extremes.nan_step, kNan}};
  std::erase_if(points, [](const auto& point) { return point.first == analysis::Extremes::kNone; });
  std::sort(points.begin(), points.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [step, value] : points) append(values, step, value);
}

// Candidates for the drawing: extremes of a level's buckets, all points where there are none.
void gather(Snapshot& snapshot, const Source& source, int level, StepRange range, Values& values) {
  if (range.from > range.to) return;
  if (level == 0) {
    const Values all = read_values(snapshot, source, range);
    for (std::size_t i = 0; i < all.step.size(); ++i) append(values, all.step[i], all.value[i]);
    return;
  }
  split(
      snapshot, source, level, range, [&](const Bucket& bucket) { append(values, bucket.extremes); },
      [&](StepRange left) { gather(snapshot, source, level - 1, left, values); });
}

// The range's first and last point, which need not be extremes.
void add_ends(Snapshot& snapshot, const Source& source, StepRange range, Values& values) {
  const Values first = read_values(snapshot, source, range, 1),
               last = read_last_value(snapshot, source, range);
  if (first.step.empty()) return;
  if (values.step.empty() || first.step[0] < values.step.front()) {
    values.step.insert(values.step.begin(), first.step[0]);
    values.value.insert(values.value.begin(), first.value[0]);
  }
  append(values, last.step[0], last.value[0]);
}

bool has_sd(const Source& source) {
  return source.key.figure == Figure::kEntry && source.key.plane == analysis::Plane::kMean;
}

Values thinned(const Values& values, std::size_t points) {
  const auto kept = analysis::downsample(values.value, points);
  Values thin{analysis::pick<Step>(values.step, kept), analysis::pick<double>(values.value, kept), {}};
  if (!values.sd.empty()) thin.sd = analysis::pick<double>(values.sd, kept);
  return thin;
}

}  // namespace

std::int64_t count_values(Snapshot& snapshot, const Source& source, StepRange range) {
  const auto& progress = source.series.progress;
  if (progress.count == 0) return 0;
  if (range.from <= progress.first_step && range.to >= progress.last_step) return progress.count;
  return count(snapshot, source, storage::count_levels(snapshot, source.series.id), range);
}

Values read_drawing(Snapshot& snapshot, const Source& source, StepRange range, std::size_t points) {
  const std::int64_t total = count_values(snapshot, source, range);
  const auto wanted = static_cast<std::int64_t>(points);
  const int levels = storage::count_levels(snapshot, source.series.id);
  int level = 0;
  while (level < levels && total > kRowsPerPoint * wanted * points_of(level)) ++level;
  if (level == 0) return thinned(read_values(snapshot, source, range), points);
  Values values;
  gather(snapshot, source, level, range, values);
  add_ends(snapshot, source, range, values);
  values = thinned(values, points);
  if (has_sd(source)) {
    const std::size_t classes = source.series.declaration.class_names.size();
    const std::size_t cell = source.responding * classes + source.updated;
    for (const Step step : values.step)
      values.sd.push_back(storage::find_deviation(snapshot, source.series.id, step, classes * classes, cell));
  }
  return values;
}

}  // namespace hooke::query
