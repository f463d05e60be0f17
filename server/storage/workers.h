// Workers as they last reported: records and SQL.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/storage/transaction.h"
#include "server/storage/types.h"

namespace hooke::storage {

struct Worker {
  std::string name;
  Pairs labels;
  std::vector<std::string> devices;
  std::string version;
  TimeUs last_seen_us = 0;
  std::optional<RunId> run;     // absent when idle
  std::string run_id;           // of `run`, read only
  std::string experiment_name;  // of `run`, read only
};

// A worker asked for a run: it has none. A repeat within kWorkerQuiet that says nothing new writes nothing,
// so that idle workers cost no commit.
inline constexpr TimeUs kWorkerQuietUs = 5'000'000;
void see_worker(Transaction& transaction, const Worker& worker);
// It works on `run`, or on none.
void set_worker_run(Transaction& transaction, std::string_view name, std::optional<RunId> run, TimeUs now);

// Those seen at `seen_after` or later, by name.
Page<Worker> list_workers(Snapshot& snapshot, TimeUs seen_after, const PageRequest& page);

}  // namespace hooke::storage
