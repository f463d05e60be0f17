// Deletion: removes runs and experiments for good, and gives their space back.
//
// Owned by server/app; borrows the Writer and Readers. Every call blocks, on any thread but the
// writer's; the writer is held for some milliseconds at a time.
#pragma once

#include <functional>
#include <string>

#include "server/storage/experiments.h"
#include "server/storage/readers.h"
#include "server/storage/runs.h"
#include "server/storage/writer.h"

namespace hooke::scheduling {

struct Deleted {
  std::int64_t runs = 0;
  std::int64_t points = 0;
  std::int64_t bytes = 0;  // given back to the file system; of a plan: about what would be
};

class Deletion {
 public:
  // Asked between the pieces of long work: whether to leave the rest to a later collect().
  using Stop = std::function<bool()>;

  Deletion(storage::Writer& writer, storage::Readers& readers, storage::Clock clock)
      : writer_(writer), readers_(readers), clock_(std::move(clock)) {}

  // What would be deleted. Throw kFailedPrecondition when a run is running: it is cancelled first.
  Deleted plan(const storage::Run& run);
  Deleted plan(const storage::Experiment& experiment);

  // Fences its worker, if there is one still. Throw as plan() does; kNotFound when it is gone.
  Deleted remove(const storage::Run& run, const Stop& stop);
  // Its queued runs are cancelled at once, then run after run goes. `by` is for their history.
  Deleted remove(const storage::Experiment& experiment, const std::string& by, const Stop& stop);

  // Removes what deleted runs have left and gives free space back; returns the number of bytes. To be
  // called every minute or so, for what was stopped. Ends early when the writer has too much to do.
  std::int64_t collect(const Stop& stop);
  // The same when somebody asks for it: however little there is.
  std::int64_t collect_all(const Stop& stop);

 private:
  // In one transaction; adds it to `deleted`.
  void remove(RunId run, Deleted& deleted);

  storage::Writer& writer_;
  storage::Readers& readers_;
  const storage::Clock clock_;
};

}  // namespace hooke::scheduling
