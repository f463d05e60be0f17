// Conditions and sort keys as SQL: every value is a bound parameter. Private to server/storage.
//
// The rows are `r` (runs) with `e` (their experiments), or `e` alone.
#pragma once

#include "server/storage/condition.h"
#include "server/storage/statement.h"

namespace hooke::storage {

enum class Rows { kRuns, kExperiments };

// A term that is 0 or 1 for every row.
void add_condition(SqlText& sql, const Condition& condition, Rows rows);

// The operand's value; NULL where the row has none. Throws kInternal for a field that rows of this kind
// do not have.
void add_operand(SqlText& sql, const Operand& operand, Rows rows);

}  // namespace hooke::storage
