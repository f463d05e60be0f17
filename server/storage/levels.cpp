#include "server/storage/levels.h"

#include <bit>
#include <cstring>

#include "server/analysis/influence.h"
#include "server/analysis/views.h"
#include "server/storage/statement.h"

namespace hooke::storage {
namespace {

using analysis::Extremes;

// A row's `extremes`, for each view: low, high (float64), then the steps of both and of the first NaN
// as distances from the bucket's first step plus 1 (0: none), uint32 or, where one bucket spans more
// steps, uint64. Little-endian.
constexpr std::size_t kValuesBytes = 2 * sizeof(double);
constexpr std::size_t kSteps = 3;
constexpr std::size_t kReadAtOnce = 1024;

static_assert(std::endian::native == std::endian::little);

template <class Distance>
void append(std::string& out, Step first, const Extremes& extremes) {
  out.append(reinterpret_cast<const char*>(&extremes.low), sizeof(double));
  out.append(reinterpret_cast<const char*>(&extremes.high), sizeof(double));
  for (const Step step : {extremes.low_step, extremes.high_step, extremes.nan_step}) {
    const auto distance = static_cast<Distance>(step == Extremes::kNone ? 0 : step - first + 1);
    out.append(reinterpret_cast<const char*>(&distance), sizeof distance);
  }
}

template <class Distance>
Extremes read(const char* from, Step first) {
  Extremes extremes;
  std::memcpy(&extremes.low, from, sizeof(double));
  std::memcpy(&extremes.high, from + sizeof(double), sizeof(double));
  Distance distance[kSteps];
  std::memcpy(distance, from + kValuesBytes, sizeof distance);
  Step* const steps[kSteps] = {&extremes.low_step, &extremes.high_step, &extremes.nan_step};
  for (std::size_t i = 0; i < kSteps; ++i)
    *steps[i] = distance[i] == 0 ? Extremes::kNone : first + static_cast<Step>(distance[i] - 1);
  return extremes;
}

bool is_wide(Step first, Step last) {
  return last - first >= std::numeric_limits<std::uint32_t>::max();
}

std::size_t bytes_per_view(Step first, Step last) {
  return kValuesBytes + kSteps * (is_wide(first, last) ? sizeof(std::uint64_t) : sizeof(std::uint32_t));
}

std::string encode(Step first, Step last, std::span<const Extremes> views) {
  std::string out;
  out.reserve(views.size() * bytes_per_view(first, last));
  for (const Extremes& extremes : views) {
    if (is_wide(first, last)) {
      append<std::uint64_t>(out, first, extremes);
    } else {
      append<std::uint32_t>(out, first, extremes);
    }
  }
  return out;
}

Extremes decode(std::string_view blob, Step first, Step last, std::size_t view) {
  const std::size_t size = bytes_per_view(first, last);
  if (blob.size() < (view + 1) * size)
    throw Error(Code::kDataLoss, "database: a level of " + std::to_string(blob.size()) +
                                     " bytes has no view " + std::to_string(view));
  const char* from = blob.data() + view * size;
  return is_wide(first, last) ? read<std::uint64_t>(from, first) : read<std::uint32_t>(from, first);
}

// The last step that a level covers; -1: none.
Step covered(Snapshot& snapshot, SeriesId series, std::int64_t level) {
  Statement row(
      snapshot,
      "SELECT last_step FROM levels WHERE series_id = ? AND level = ? ORDER BY first_step DESC LIMIT 1",
      series, level);
  return row.step() ? row.integer(0) : -1;
}

}  // namespace

LevelBuilder::LevelBuilder(Transaction& transaction, const Series& series)
    : series_(series.id),
      declaration_(series.declaration),
      leveled_(series.declaration.class_names.size() <= kMostLeveledClasses) {
  if (!leveled_ || series.progress.count == 0) return;
  // From the top, so that a level that fills up finds the one above as it is.
  for (int level = count_levels(transaction, series_); level > 0; --level) {
    const Step after = covered(transaction, series_, level + 1);
    Open& open = open_at(static_cast<std::size_t>(level));
    Statement rows(transaction,
                   "SELECT first_step, last_step, extremes FROM levels "
                   "WHERE series_id = ? AND level = ? AND first_step > ? ORDER BY first_step",
                   series_, level, after);
    while (rows.step()) {
      const Step first = rows.integer(0), last = rows.integer(1);
      if (open.parts++ == 0) open.first_step = first;
      open.last_step = last;
      for (std::size_t view = 0; view < open.views.size(); ++view)
        open.views[view].add(decode(rows.blob(2), first, last, view));
    }
  }
  read_points(transaction, covered(transaction, series_, 1));
}

void LevelBuilder::read_points(Transaction& transaction, Step after) {
  while (true) {
    std::size_t count = 0;
    if (declaration_.kind == SeriesKind::kScalar) {
      const ScalarColumn points = read_scalars(transaction, series_, {after + 1}, kReadAtOnce);
      count = points.step.size();
      for (std::size_t i = 0; i < count; ++i) add_scalar(transaction, points.step[i], points.value[i]);
      if (count > 0) after = points.step.back();
    } else {
      const auto points = read_matrices(transaction, series_, {after + 1}, kReadAtOnce);
      count = points.size();
      for (const MatrixPoint& point : points) add_matrix(transaction, point.step, point.planes);
      if (count > 0) after = points.back().step;
    }
    if (count < kReadAtOnce) return;
  }
}

LevelBuilder::Open& LevelBuilder::open_at(std::size_t level) {
  while (open_.size() <= level) {
    open_.emplace_back();
    open_.back().views.resize(analysis::view_count(declaration_.class_names.size()));
  }
  return open_[level];
}

void LevelBuilder::add_scalar(Transaction& transaction, Step step, double value) {
  add_views(transaction, step, {&value, 1});
}

void LevelBuilder::add_matrix(Transaction& transaction, Step step, std::string_view planes) {
  if (!leveled_) return;
  const std::size_t classes = declaration_.class_names.size();
  add_views(transaction, step,
            analysis::views(analysis::decode_cells(planes, classes, declaration_.eligible)));
}

void LevelBuilder::add_views(Transaction& transaction, Step step, std::span<const double> views) {
  Open& open = open_at(0);
  if (open.parts++ == 0) open.first_step = step;
  open.last_step = step;
  for (std::size_t view = 0; view < views.size(); ++view) open.views[view].add(step, views[view]);
  if (open.parts == kPointsPerBucket) close(transaction, 0);
}

// Stores the bucket and hands it to the level above.
void LevelBuilder::close(Transaction& transaction, std::size_t level) {
  open_at(level + 1);
  Open &full = open_[level], &above = open_[level + 1];
  Statement(transaction,
            "INSERT INTO levels (series_id, level, first_step, last_step, extremes) VALUES (?, ?, ?, ?, ?)",
            series_, level + 1, full.first_step, full.last_step,
            Blob{encode(full.first_step, full.last_step, full.views)})
      .run();
  if (above.parts++ == 0) above.first_step = full.first_step;
  above.last_step = full.last_step;
  for (std::size_t view = 0; view < full.views.size(); ++view) above.views[view].add(full.views[view]);
  full.parts = 0;
  full.views.assign(full.views.size(), {});
  if (above.parts == kPointsPerBucket) close(transaction, level + 1);
}

int count_levels(Snapshot& snapshot, SeriesId series) {
  Statement row(snapshot, "SELECT max(level) FROM levels WHERE series_id = ?", series);
  row.step();
  return static_cast<int>(row.maybe_integer(0).value_or(0));
}

std::vector<Bucket> read_level(Snapshot& snapshot, SeriesId series, int level, StepRange range,
                               std::size_t view) {
  std::vector<Bucket> buckets;
  Statement rows(snapshot,
                 "SELECT first_step, last_step, extremes FROM levels "
                 "WHERE series_id = ? AND level = ? AND first_step BETWEEN ? AND ? ORDER BY first_step",
                 series, level, range.from, range.to);
  while (rows.step()) {
    const Step first = rows.integer(0), last = rows.integer(1);
    if (last > range.to) break;
    buckets.push_back({first, last, decode(rows.blob(2), first, last, view)});
  }
  return buckets;
}

void truncate_levels(Transaction& transaction, SeriesId series, Step step) {
  for (int level = count_levels(transaction, series); level > 0; --level) {
    Statement row(transaction,
                  "SELECT first_step, last_step FROM levels "
                  "WHERE series_id = ? AND level = ? AND first_step <= ? ORDER BY first_step DESC LIMIT 1",
                  series, level, step);
    // The one bucket that has points on both sides goes too.
    const Step from = row.step() && row.integer(1) > step ? row.integer(0) : step + 1;
    Statement(transaction, "DELETE FROM levels WHERE series_id = ? AND level = ? AND first_step >= ?", series,
              level, from)
        .run();
  }
}

void build_all_levels(Transaction& transaction) {
  std::vector<Series> lacking;
  {
    Statement rows(transaction, "SELECT id FROM runs ORDER BY id");
    std::vector<RunId> runs;
    while (rows.step()) runs.push_back(RunId{rows.integer(0)});
    for (const RunId run : runs)
      for (Series& series : series_of(transaction, run))
        if (series.declaration.kind != SeriesKind::kPairs && series.progress.count >= kPointsPerBucket &&
            count_levels(transaction, series.id) == 0)
          lacking.push_back(std::move(series));
  }
  for (const Series& series : lacking) LevelBuilder(transaction, series);
}

}  // namespace hooke::storage
