#include "server/storage/points.h"

#include <cstring>

#include "server/storage/statement.h"

namespace hooke::storage {
namespace {

// A cell is 20 bytes: three planes of float32, then `skipped` and `nonfinite`, which nearly always are
// 0 everywhere. Then they are not stored, and a single byte stands for them: such a blob has an odd size.
constexpr std::size_t kPlaneCellBytes = 20;
constexpr std::size_t kFloatBytes = 12;

std::string packed(std::string_view planes) {
  const std::size_t cells = planes.size() / kPlaneCellBytes;
  const std::string_view counts = planes.substr(cells * kFloatBytes);
  if (planes.size() % kPlaneCellBytes != 0 || counts.find_first_not_of('\0') != std::string_view::npos)
    return std::string(planes);
  std::string blob(planes.substr(0, cells * kFloatBytes));
  blob.push_back('\0');
  return blob;
}

std::string unpacked(std::string_view blob) {
  std::string planes(blob);
  if (blob.size() % 2 == 0) return planes;
  planes.resize((blob.size() - 1) / kFloatBytes * kPlaneCellBytes, '\0');
  return planes;
}

std::vector<MatrixPoint> read_rows(Statement&& rows) {
  std::vector<MatrixPoint> points;
  while (rows.step()) points.push_back({rows.integer(0), rows.integer(1), unpacked(rows.blob(2))});
  return points;
}

std::optional<MatrixPoint> read_row(Statement&& rows) {
  if (!rows.step()) return std::nullopt;
  return MatrixPoint{rows.integer(0), rows.integer(1), unpacked(rows.blob(2))};
}

}  // namespace

void insert_scalar(Transaction& transaction, SeriesId series, Step step, TimeUs time_us, double value) {
  // SQLite stores a NaN as NULL.
  Statement(transaction, "INSERT INTO scalar_points (series_id, step, time_us, value) VALUES (?, ?, ?, ?)",
            series, step, time_us, value)
      .run();
}

void insert_matrix(Transaction& transaction, SeriesId series, Step step, TimeUs time_us,
                   std::string_view planes) {
  const std::string blob = packed(planes);
  Statement(transaction, "INSERT INTO matrix_points (series_id, step, time_us, planes) VALUES (?, ?, ?, ?)",
            series, step, time_us, Blob{blob})
      .run();
}

ScalarColumn read_scalars(Snapshot& snapshot, SeriesId series, StepRange range, std::size_t limit) {
  ScalarColumn column;
  Statement rows(
      snapshot,
      "SELECT step, time_us, value FROM scalar_points WHERE series_id = ? AND step BETWEEN ? AND ? "
      "ORDER BY step LIMIT ?",
      series, range.from, range.to, limit);
  while (rows.step()) {
    column.step.push_back(rows.integer(0));
    column.time_us.push_back(rows.integer(1));
    column.value.push_back(rows.real(2));
  }
  return column;
}

std::int64_t count_scalars(Snapshot& snapshot, SeriesId series, StepRange range) {
  Statement row(snapshot, "SELECT count(*) FROM scalar_points WHERE series_id = ? AND step BETWEEN ? AND ?",
                series, range.from, range.to);
  row.step();
  return row.integer(0);
}

std::optional<Step> last_scalar_step(Snapshot& snapshot, SeriesId series, Step to) {
  Statement row(snapshot, "SELECT max(step) FROM scalar_points WHERE series_id = ? AND step <= ?", series,
                to);
  row.step();
  return row.maybe_integer(0);
}

std::optional<MatrixPoint> find_matrix(Snapshot& snapshot, SeriesId series, Step step) {
  return read_row(
      Statement(snapshot, "SELECT step, time_us, planes FROM matrix_points WHERE series_id = ? AND step = ?",
                series, step));
}

double find_deviation(Snapshot& snapshot, SeriesId series, Step step, std::size_t cells, std::size_t cell) {
  // The second plane; both forms of a blob begin alike. Bytes count from 1.
  Statement row(snapshot, "SELECT substr(planes, ?, 4) FROM matrix_points WHERE series_id = ? AND step = ?",
                sizeof(float) * (cells + cell) + 1, series, step);
  float value = std::numeric_limits<float>::quiet_NaN();
  if (row.step()) {
    const std::string_view bytes = row.blob(0);
    if (bytes.size() == sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
  }
  return value;
}

std::optional<MatrixPoint> find_last_matrix(Snapshot& snapshot, SeriesId series, Step step) {
  return read_row(
      Statement(snapshot,
                "SELECT step, time_us, planes FROM matrix_points WHERE series_id = ? AND step <= ? "
                "ORDER BY step DESC LIMIT 1",
                series, step));
}

std::vector<MatrixPoint> read_matrices(Snapshot& snapshot, SeriesId series, StepRange range,
                                       std::size_t limit) {
  return read_rows(
      Statement(snapshot,
                "SELECT step, time_us, planes FROM matrix_points WHERE series_id = ? AND step BETWEEN "
                "? AND ? ORDER BY step LIMIT ?",
                series, range.from, range.to, limit));
}

std::vector<Step> matrix_steps(Snapshot& snapshot, SeriesId series, StepRange range) {
  std::vector<Step> steps;
  Statement rows(snapshot,
                 "SELECT step FROM matrix_points WHERE series_id = ? AND step BETWEEN ? AND ? ORDER BY step",
                 series, range.from, range.to);
  while (rows.step()) steps.push_back(rows.integer(0));
  return steps;
}

// Goes down from the last step: each series says its last at the candidate or before, until all agree.
std::optional<Step> last_common_matrix_step(Snapshot& snapshot, const std::vector<SeriesId>& series,
                                            Step to) {
  if (series.empty()) return std::nullopt;
  Step candidate = to;
  for (std::size_t agreed = 0, next = 0; agreed < series.size(); next = (next + 1) % series.size()) {
    Statement row(snapshot, "SELECT max(step) FROM matrix_points WHERE series_id = ? AND step <= ?",
                  series[next], candidate);
    row.step();
    const auto step = row.maybe_integer(0);
    if (!step) return std::nullopt;
    agreed = *step == candidate ? agreed + 1 : 1;
    candidate = *step;
  }
  return candidate;
}

}  // namespace hooke::storage
