// Lists of experiments and runs: filtered, ordered, in pages. Never touches points.
//
// A page gives row numbers, each with the cursor after which the list goes on: what the row was ordered
// by. So a row that is added meanwhile neither hides nor repeats another.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/storage/condition.h"
#include "server/storage/transaction.h"
#include "server/storage/types.h"

namespace hooke::storage {

struct ListQuery {
  std::optional<ExperimentId> experiment;  // only its runs
  // Hidden without: what is archived; in a list of all runs those of archived experiments, too.
  bool archived_too = false;
  std::optional<Condition> condition;
  // Ties, and everything without keys: newest experiment first, its runs in the order of the submit.
  std::vector<SortKey> order;
};

template <class RowId>
struct Listed {
  RowId id;
  std::string cursor;
};

// Throw kInvalidArgument for a cursor that is not of a list with this order.
Page<Listed<RunId>> list_runs(Snapshot& snapshot, const ListQuery& query, const PageRequest& page);
Page<Listed<ExperimentId>> list_experiments(Snapshot& snapshot, const ListQuery& query,
                                            const PageRequest& page);

}  // namespace hooke::storage
