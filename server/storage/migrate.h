// Brings a database file to the newest schema, or refuses it. Private to server/storage.
#pragma once

#include <filesystem>

#include "server/storage/connection.h"

namespace hooke::storage {

// "HOOK", as PRAGMA application_id.
inline constexpr std::int64_t kApplicationId = 0x484F4F4B;

// Refuses by its first bytes a file that is newer, foreign or no database, without opening it.
// Throws kFailedPrecondition, or kDataLoss for a file that is cut short.
void refuse_foreign_file(const std::filesystem::path& file);

// Refuses by what the connection sees (the WAL included), then runs the migrations that are missing,
// each in one transaction. Returns the version. Throws as above.
int migrate(Connection& connection, const std::filesystem::path& file);

}  // namespace hooke::storage
