// Tables of pairs, by series and step, in blocks of rows. Records and SQL.
//
// A table is there once all its rows are: readers see the steps up to the series' progress alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/storage/points.h"
#include "server/storage/series.h"

namespace hooke::storage {

// Rows of one table; bytes as in hooke.v1.PairsPoint.
struct PairsBlock {
  Step step = 0;
  TimeUs time_us = 0;
  std::int32_t first_row = 0;
  std::int32_t rows = 0;
  std::string numerators;    // float32 [rows][probes]
  std::string denominators;  // float32 [probes] or [rows][probes]
};

// REQUIRES: no block with that step and first row. It is compressed here.
void insert_pairs(Transaction& transaction, SeriesId series, const PairsBlock& block);

// Blocks of one table that have rows from `first_row` on, in order, with at least `rows` of them where
// there are as many; empty when there is no whole table at that step.
std::vector<PairsBlock> read_pairs(Snapshot& snapshot, const Series& series, Step step,
                                   std::int32_t first_row = 0, std::size_t rows = kNoLimit);

// The first block, by step and then by row, from this place on; also of a table that is not whole.
std::optional<PairsBlock> next_pairs_block(Snapshot& snapshot, const Series& series, Step step,
                                           std::int32_t first_row);

// Where a block begins.
struct PairsPlace {
  Step step = 0;
  std::int32_t first_row = 0;
};
// That of the last one; absent when there is none.
std::optional<PairsPlace> last_pairs_block(Snapshot& snapshot, SeriesId series);

// Steps of the whole tables in the range.
std::vector<Step> pairs_steps(Snapshot& snapshot, const Series& series, StepRange range = {});

// The table of a run of which some rows are still to come.
struct PendingPairs {
  SeriesId series;
  Step step = 0;
  std::int32_t rows = 0;  // that are there
};
std::optional<PendingPairs> pending_pairs(Snapshot& snapshot, RunId run);

}  // namespace hooke::storage
