// Copies of the database, and its check. Both read a snapshot of their own, however long that takes:
// ingest goes on meanwhile, and the write-ahead log grows until they are done.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "server/storage/database.h"

namespace hooke::storage {

struct BackupFile {
  std::filesystem::path path;
  std::int64_t bytes = 0;
};

// Copies the database as it is now to `backups/NAME` in the data folder: one file, checked and on disk when
// this returns; a copy that was cut short never has that name. Throws hooke::Error: kInvalidArgument (field
// "backup_id": letters, digits, '-', '_', '.'), kAlreadyExists, kResourceExhausted on a full disk.
BackupFile back_up(const Database& database, const std::string& name);

// What is wrong with the database, at most 100 findings: SQLite's own checks, references, and that
// latest values and levels say what the points say. Empty: nothing.
std::vector<std::string> verify(const Database& database);

}  // namespace hooke::storage
