// Requests that were done once (submit, import) and the server's own settings: records and SQL.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/storage/transaction.h"
#include "server/storage/types.h"

namespace hooke::storage {

// What a request id stands for.
struct Request {
  std::string request_id;
  std::string kind;  // "submit", "import"
  std::string hash;  // SHA-256 of what was asked for: the same id with another hash is refused
  std::optional<ExperimentId> experiment;  // its result; absent once that was deleted
  TimeUs create_us = 0;
};

void insert_request(Transaction& transaction, const Request& request);
std::optional<Request> find_request(Snapshot& snapshot, std::string_view request_id);

// A value of the server's own, as the secret that lease tokens are derived from.
std::optional<std::string> find_setting(Snapshot& snapshot, std::string_view name);
void put_setting(Transaction& transaction, std::string_view name, std::string_view value);

}  // namespace hooke::storage
