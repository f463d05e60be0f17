// What `filter` and `order_by` mean: fields, and the values that fit them. Pure functions.
//
// Fields of runs and of experiments are the tables in conditions.cpp; configurations are checked against
// the contract, so that a misspelt path is an error and not an empty list.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/query/filter.h"
#include "server/storage/condition.h"
#include "server/storage/types.h"

namespace hooke::query {

enum class ListOf { kRuns, kExperiments };

// `now` is what times such as "-24h" are counted from.
// Throws kInvalidArgument with the position, what was found and what is allowed there.
storage::Condition condition_of(const Expression& filter, ListOf list, TimeUs now);
std::vector<storage::SortKey> sort_keys_of(const std::vector<OrderTerm>& order, ListOf list);

// Whether a comparison with the field stands anywhere in the condition.
bool mentions(const storage::Condition& condition, storage::Field field);

}  // namespace hooke::query
