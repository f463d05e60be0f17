// Deleting runs and experiments, without holding up the writer: a run goes at once, in one small
// transaction; its series stay behind without a run. They are garbage, which is removed piece by piece,
// and then the file gives its free pages back. Whatever a server that ends meanwhile leaves is found by
// the next.
#pragma once

#include <cstdint>

#include "server/storage/transaction.h"
#include "server/storage/types.h"

namespace hooke::storage {

// What a run has stored.
struct Extent {
  std::int64_t points = 0;  // scalars, matrices and whole tables of pairs
  std::int64_t bytes = 0;   // about what they take in the file
};
// Reads no points; of tables of pairs how long their blocks are.
Extent extent_of(Snapshot& snapshot, RunId run);

// Throws kNotFound.
void delete_run(Transaction& transaction, RunId run);
// REQUIRES: its runs are deleted.
void delete_experiment(Transaction& transaction, ExperimentId experiment);

// Whether there is garbage, or many free pages that an earlier removal has not given back.
bool has_garbage(Snapshot& snapshot);
// Bytes of free pages, which shrink() would give back.
std::int64_t free_bytes(Snapshot& snapshot);
// About what the rows take that remove_garbage() would remove. Takes as long as there are many.
std::int64_t garbage_bytes(Snapshot& snapshot);
// Removes a piece of the garbage, a few megabytes. Returns whether there is more.
bool remove_garbage(Transaction& transaction);

// Cuts free pages off the end of the file, a few megabytes. Returns the number of bytes; 0: there are
// none left. The file itself is shorter after the checkpoint that follows.
std::int64_t shrink(Transaction& transaction);

}  // namespace hooke::storage
