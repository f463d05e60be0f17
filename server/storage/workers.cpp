#include "server/storage/workers.h"

#include "server/storage/page.h"
#include "server/storage/statement.h"

namespace hooke::storage {

void see_worker(Transaction& transaction, const Worker& worker) {
  Statement(
      transaction,
      "INSERT INTO workers (name, labels_json, devices_json, version, last_seen_us) VALUES (?, ?, ?, ?, ?) "
      "ON CONFLICT (name) DO UPDATE SET labels_json = excluded.labels_json, "
      "devices_json = excluded.devices_json, version = excluded.version, "
      "last_seen_us = excluded.last_seen_us, run_id = NULL WHERE run_id IS NOT NULL OR labels_json <> "
      "excluded.labels_json "
      "OR devices_json <> excluded.devices_json OR version <> excluded.version "
      "OR last_seen_us < excluded.last_seen_us - ?",
      worker.name, to_json(worker.labels), to_json(worker.devices), worker.version, worker.last_seen_us,
      kWorkerQuietUs)
      .run();
}

void set_worker_run(Transaction& transaction, std::string_view name, std::optional<RunId> run, TimeUs now) {
  Statement(transaction, "UPDATE workers SET run_id = ?, last_seen_us = ? WHERE name = ?", run, now, name)
      .run();
}

Page<Worker> list_workers(Snapshot& snapshot, TimeUs seen_after, const PageRequest& page) {
  Page<Worker> found;
  Statement rows(
      snapshot,
      "SELECT w.name, w.labels_json, w.devices_json, w.version, w.last_seen_us, w.run_id, "
      "coalesce(r.run_id, ''), coalesce(e.name, '') FROM workers w LEFT JOIN runs r ON r.id = w.run_id "
      "LEFT JOIN experiments e ON e.id = r.experiment_id "
      "WHERE w.last_seen_us >= ? AND w.name > ? ORDER BY w.name LIMIT ?",
      seen_after, page.after, fetch(page));
  while (rows.step()) {
    Worker worker{rows.text(0), rows.pairs(1), rows.strings(2), rows.text(3), rows.integer(4), {}, {}, {}};
    if (!rows.null(5)) worker.run = RunId{rows.integer(5)};
    worker.run_id = rows.text(6);
    worker.experiment_name = rows.text(7);
    found.items.push_back(std::move(worker));
  }
  close_page(found, page, [](const Worker& last) { return last.name; });
  return found;
}

}  // namespace hooke::storage
