// The rules that a record must keep, as far as they need nothing but the record. Each throws
// hooke::Error (kInvalidArgument) that names series and step. Private to server/ingest.
#pragma once

#include <string>

#include "hooke/v1/worker.pb.h"
#include "proto/hooke/error.h"
#include "server/storage/series.h"

namespace hooke::ingest {

// kInvalidArgument of a record that breaks a rule; `where`: its part, as place() or "provenance".
Error broken(const std::string& where, const std::string& what);

// "series train/loss, step 5"; `step` below 0: no step.
std::string place(const std::string& key, Step step = -1);

// Not empty, printable, within its limit.
void check_key(const std::string& key);
void check_step(const std::string& what, Step step);
// Microseconds that a timestamp can show: up to the year 9999.
void check_time(const std::string& what, TimeUs time_us);

// A declaration in storage's terms.
storage::SeriesDeclaration checked_declaration(const v1::SeriesDeclaration& message);

// Parallel columns of one step.
void check_scalars(const v1::ScalarPoints& points);

// Whole rows of a table of `probes` rows and columns; returns how many.
std::int32_t checked_pair_rows(const v1::PairsPoint& point, std::size_t probes);

// SUCCEEDED or FAILED.
void check_end(const v1::End& end);

}  // namespace hooke::ingest
