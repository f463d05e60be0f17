#include "server/storage/requests.h"

#include "server/storage/statement.h"

namespace hooke::storage {

void insert_request(Transaction& transaction, const Request& request) {
  Statement(transaction,
            "INSERT INTO requests (request_id, kind, hash, experiment_id, create_us) VALUES (?, ?, ?, ?, ?)",
            request.request_id, request.kind, Blob{request.hash}, request.experiment, request.create_us)
      .run();
}

std::optional<Request> find_request(Snapshot& snapshot, std::string_view request_id) {
  Statement row(snapshot, "SELECT kind, hash, experiment_id, create_us FROM requests WHERE request_id = ?",
                request_id);
  if (!row.step()) return std::nullopt;
  Request request{std::string(request_id), row.text(0), row.text(1), {}, row.integer(3)};
  if (!row.null(2)) request.experiment = ExperimentId{row.integer(2)};
  return request;
}

std::optional<std::string> find_setting(Snapshot& snapshot, std::string_view name) {
  Statement row(snapshot, "SELECT value FROM settings WHERE name = ?", name);
  if (!row.step()) return std::nullopt;
  return row.text(0);
}

void put_setting(Transaction& transaction, std::string_view name, std::string_view value) {
  Statement(transaction, "REPLACE INTO settings (name, value) VALUES (?, ?)", name, Blob{value}).run();
}

}  // namespace hooke::storage
