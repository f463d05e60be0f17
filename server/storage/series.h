// Series and their latest values: records and SQL. Neither touches the points.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/storage/transaction.h"
#include "server/storage/types.h"

namespace hooke::storage {

// What is said once of a series.
struct SeriesDeclaration {
  std::string key;
  SeriesKind kind = SeriesKind::kScalar;
  std::vector<std::string> class_names;  // rows and columns of a matrix; of pairs, of the probes
  std::vector<std::int64_t> eligible;    // pairs per cell, row-major [responding][updated]
  std::string description;
  std::int32_t per_class = 0;  // probes of each class, for pairs
  bool operator==(const SeriesDeclaration&) const = default;
};

// How far a series has come.
struct SeriesProgress {
  std::int64_t count = 0;
  Step first_step = 0;  // 0 without points
  Step last_step = -1;  // -1 without points
  TimeUs last_time_us = 0;
  double last_value = 0;  // of a scalar series with points
};

struct Series {
  SeriesId id;
  RunId run;
  SeriesDeclaration declaration;
  SeriesProgress progress;
};

// hooke.v1.LatestValue, with its time.
struct LatestValue {
  std::string key;
  Step step = 0;
  TimeUs time_us = 0;
  double value = 0;
};

// Throws kAlreadyExists when the run has a series of that key.
SeriesId insert_series(Transaction& transaction, RunId run, const SeriesDeclaration& declaration);
// REQUIRES: the series has no points.
void replace_declaration(Transaction& transaction, SeriesId series, const SeriesDeclaration& declaration);
void save_progress(Transaction& transaction, RunId run, SeriesId series, const SeriesProgress& progress);

std::optional<Series> find_series(Snapshot& snapshot, RunId run, std::string_view key);
// All of a run, by key.
std::vector<Series> series_of(Snapshot& snapshot, RunId run);
// By key; only keys that begin with `prefix`.
Page<Series> list_series(Snapshot& snapshot, RunId run, std::string_view prefix, const PageRequest& page);
// Of the scalar series with points, by key.
std::vector<LatestValue> latest_values(Snapshot& snapshot, RunId run);
// A few of them, whatever the number of series, 16 at most: train/loss, train/accuracy, test/loss,
// test/accuracy, then of the others those that were declared first, by key.
std::vector<LatestValue> main_latest_values(Snapshot& snapshot, RunId run);

// Removes what a run has stored later than `step` (-1: everything, the series themselves too):
// points, matrices, tables of pairs (rows of one that is not whole included), levels, latest values,
// barriers. Returns the number of points, matrices and whole tables.
std::int64_t truncate_after(Transaction& transaction, RunId run, Step step);

}  // namespace hooke::storage
