#include "server/scheduling/deletion.h"

#include "server/storage/deletion.h"

namespace hooke::scheduling {
namespace {

using storage::Run;
using storage::RunState;
using storage::Snapshot;
using storage::Transaction;

void refuse_running(const Run& run) {
  if (run.state == RunState::kRunning)
    throw Error(
        Code::kFailedPrecondition,
        "run " + run.run_id + " is running; cancel it first, as with `hooke runs cancel " + run.run_id + "`");
}

void add(Snapshot& snapshot, RunId run, Deleted& deleted) {
  const auto extent = storage::extent_of(snapshot, run);
  ++deleted.runs;
  deleted.points += extent.points;
  deleted.bytes += extent.bytes;
}

// Calls use(run) for each run of the experiment that is there.
template <class Use>
void for_each_run(Snapshot& snapshot, ExperimentId experiment, Use use) {
  for (const RunId id : storage::runs_of(snapshot, experiment))
    if (const auto run = storage::find_run(snapshot, id)) use(*run);
}

}  // namespace

Deleted Deletion::plan(const Run& run) {
  refuse_running(run);
  auto snapshot = readers_.snapshot();
  Deleted deleted;
  add(snapshot, run.id, deleted);
  return deleted;
}

Deleted Deletion::plan(const storage::Experiment& experiment) {
  auto snapshot = readers_.snapshot();
  Deleted deleted;
  for_each_run(snapshot, experiment.id, [&](const Run& run) {
    refuse_running(run);
    add(snapshot, run.id, deleted);
  });
  return deleted;
}

void Deletion::remove(RunId id, Deleted& deleted) {
  writer_.run([&](Transaction& transaction) {
    const auto run = storage::find_run(transaction, id);
    if (!run) throw Error(Code::kNotFound, "the run is gone already");
    refuse_running(*run);
    Deleted more = deleted;
    add(transaction, id, more);
    storage::delete_run(transaction, id);
    deleted = more;
  });
}

Deleted Deletion::remove(const Run& run, const Stop& stop) {
  Deleted deleted;
  remove(run.id, deleted);
  deleted.bytes = collect(stop);
  return deleted;
}

Deleted Deletion::remove(const storage::Experiment& experiment, const std::string& by, const Stop& stop) {
  std::vector<RunId> runs;
  writer_.run([&](Transaction& transaction) {
    if (!storage::find_experiment(transaction, experiment.id))
      throw Error(Code::kNotFound, "experiment " + experiment.name + " is gone already");
    runs = storage::runs_of(transaction, experiment.id);
    for_each_run(transaction, experiment.id, refuse_running);
    // So that none is leased meanwhile.
    for_each_run(transaction, experiment.id, [&](const Run& run) {
      if (run.state != RunState::kQueued) return;
      storage::change_state(transaction, run.id,
                            {RunState::kCancelled,
                             clock_(),
                             0,
                             {storage::ReasonKind::kCancelled, "deleted by " + by, 0, 0},
                             ""});
    });
  });
  Deleted deleted;
  for (const RunId run : runs) remove(run, deleted);
  writer_.run([&](Transaction& transaction) {
    if (storage::runs_of(transaction, experiment.id).empty())
      return storage::delete_experiment(transaction, experiment.id);
    throw Error(Code::kFailedPrecondition,
                "experiment " + experiment.name + " got other runs meanwhile; those it had are deleted");
  });
  deleted.bytes = collect(stop);
  return deleted;
}

std::int64_t Deletion::collect(const Stop& stop) {
  {
    auto snapshot = readers_.snapshot();
    if (!storage::has_garbage(snapshot)) return 0;
  }
  return collect_all(stop);
}

std::int64_t Deletion::collect_all(const Stop& stop) {
  std::int64_t bytes = 0;
  try {
    while (!stop() &&
           writer_.run([](Transaction& transaction) { return storage::remove_garbage(transaction); }))
      continue;
    for (std::int64_t more = 1; more > 0 && !stop(); bytes += more)
      more = writer_.run([](Transaction& transaction) { return storage::shrink(transaction); });
  } catch (const Error& error) {
    if (error.code() != Code::kUnavailable) throw;
  }
  return bytes;
}

}  // namespace hooke::scheduling
