// Points: scalars and matrices, by series and step. Records and SQL.
//
// A value's NaN is NULL in its REAL column and comes back as NaN; infinities are stored as such.
// A negative zero comes back as zero.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/storage/transaction.h"
#include "server/storage/types.h"

namespace hooke::storage {

// Steps from `from` to `to`, both included.
struct StepRange {
  Step from = 0;
  Step to = std::numeric_limits<Step>::max();
};

inline constexpr std::size_t kNoLimit = std::numeric_limits<std::int64_t>::max();

// Points of one scalar series; the three are parallel, steps strictly increase.
struct ScalarColumn {
  std::vector<Step> step;
  std::vector<TimeUs> time_us;
  std::vector<double> value;
};

// One matrix. Planes are row-major [responding][updated], little-endian: mean, sd, ratio_of_means
// (float32), skipped, nonfinite (uint32): 20 bytes a cell.
struct MatrixPoint {
  Step step = 0;
  TimeUs time_us = 0;
  std::string planes;
};

// REQUIRES: no point at that step; planes of whole cells.
void insert_scalar(Transaction& transaction, SeriesId series, Step step, TimeUs time_us, double value);
void insert_matrix(Transaction& transaction, SeriesId series, Step step, TimeUs time_us,
                   std::string_view planes);

// The first `limit` points of the range. Points after a step: {step + 1}.
ScalarColumn read_scalars(Snapshot& snapshot, SeriesId series, StepRange range = {},
                          std::size_t limit = kNoLimit);
std::int64_t count_scalars(Snapshot& snapshot, SeriesId series, StepRange range = {});
// The last one that is not after `to`.
std::optional<Step> last_scalar_step(Snapshot& snapshot, SeriesId series, Step to);

std::optional<MatrixPoint> find_matrix(Snapshot& snapshot, SeriesId series, Step step);
// The standard deviation of one cell, row-major, without reading the whole matrix; NaN when there is none.
double find_deviation(Snapshot& snapshot, SeriesId series, Step step, std::size_t cells, std::size_t cell);
// The last one at `step` or before.
std::optional<MatrixPoint> find_last_matrix(Snapshot& snapshot, SeriesId series,
                                            Step step = std::numeric_limits<Step>::max());
std::vector<MatrixPoint> read_matrices(Snapshot& snapshot, SeriesId series, StepRange range = {},
                                       std::size_t limit = kNoLimit);
// Their steps alone, without reading a matrix.
std::vector<Step> matrix_steps(Snapshot& snapshot, SeriesId series, StepRange range = {});
// The last step, not after `to`, at which each of the series has a matrix; absent when there is none.
std::optional<Step> last_common_matrix_step(Snapshot& snapshot, const std::vector<SeriesId>& series,
                                            Step to = std::numeric_limits<Step>::max());

}  // namespace hooke::storage
