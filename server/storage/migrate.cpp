#include "server/storage/migrate.h"

#include <spdlog/spdlog.h>

#include <array>
#include <cstring>
#include <fstream>
#include <string>

#include "migrations/migrations.h"
#include "server/storage/levels.h"

namespace hooke::storage {
namespace {

// https://sqlite.org/fileformat.html, section 1.3.
constexpr std::size_t kHeaderBytes = 100;
constexpr std::size_t kUserVersionOffset = 60;
constexpr std::size_t kApplicationIdOffset = 68;
constexpr std::size_t kSchemaCookieOffset = 40;
// The first version of the schema with levels.
constexpr int kLevelsVersion = 2;
constexpr char kMagic[] = "SQLite format 3";

std::uint32_t big_endian(const std::array<char, kHeaderBytes>& header, std::size_t offset) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(header[offset + i]);
  return value;
}

[[noreturn]] void refuse_foreign(const std::filesystem::path& file) {
  throw Error(Code::kFailedPrecondition,
              file.string() + " is not a database of Hooke; give another data folder");
}

void check_version(const std::filesystem::path& file, std::int64_t version) {
  const auto newest = static_cast<std::int64_t>(migrations().size());
  if (version <= newest) return;
  throw Error(Code::kFailedPrecondition, file.string() + " has schema version " + std::to_string(version) +
                                             ", this hooked knows up to " + std::to_string(newest) +
                                             "; start the newer hooked that wrote it");
}

void refuse_dangling(Connection& connection, const std::filesystem::path& file, const char* migration) {
  SQLite::Statement dangling = connection.once("PRAGMA foreign_key_check");
  if (!dangling.executeStep()) return;
  throw Error(Code::kDataLoss, "migration " + std::string(migration) + " of " + file.string() +
                                   " leaves rows of " + dangling.getColumn(0).getString() +
                                   " without what they refer to");
}

}  // namespace

void refuse_foreign_file(const std::filesystem::path& file) {
  std::error_code failed;
  const auto size = std::filesystem::file_size(file, failed);
  if (failed || size == 0) return;
  std::array<char, kHeaderBytes> header{};
  std::ifstream(file, std::ios::binary).read(header.data(), header.size());
  if (std::memcmp(header.data(), kMagic, sizeof kMagic) != 0) refuse_foreign(file);
  if (size < kHeaderBytes) throw Error(Code::kDataLoss, file.string() + " is cut short");
  // A new file of ours that has only reached its WAL has no schema yet.
  const auto application = big_endian(header, kApplicationIdOffset);
  if (application == 0 && big_endian(header, kSchemaCookieOffset) == 0) return;
  if (application != kApplicationId) refuse_foreign(file);
  check_version(file, big_endian(header, kUserVersionOffset));
}

int migrate(Connection& connection, const std::filesystem::path& file) {
  const auto application = connection.pragma("application_id");
  auto version = connection.pragma("user_version");
  if (application != kApplicationId) {
    SQLite::Statement tables = connection.once("SELECT count(*) FROM sqlite_schema");
    if (application != 0 || version != 0 || !tables.executeStep() || tables.getColumn(0).getInt() != 0)
      refuse_foreign(file);
  }
  check_version(file, version);
  if (version == 0) connection.exec("PRAGMA auto_vacuum = INCREMENTAL");
  connection.exec("PRAGMA journal_mode = WAL");
  const auto& all = migrations();
  // A migration may make a table anew, whose removal must not cascade. It takes effect outside a
  // transaction only.
  connection.exec("PRAGMA foreign_keys = OFF");
  for (auto next = static_cast<std::size_t>(version); next < all.size(); ++next) {
    connection.exec("BEGIN IMMEDIATE");
    connection.exec(all[next]);
    // Code knows the newest schema alone.
    if (version > 0 && version < kLevelsVersion && next + 1 == all.size()) {
      Transaction transaction(connection);
      build_all_levels(transaction);
    }
    refuse_dangling(connection, file, all[next].name);
    connection.set_pragma("application_id", kApplicationId);
    connection.set_pragma("user_version", static_cast<std::int64_t>(next) + 1);
    connection.exec("COMMIT");
    if (version > 0) spdlog::info("database: migration {} done", all[next].name);
  }
  connection.exec("PRAGMA foreign_keys = ON");
  return static_cast<int>(all.size());
}

}  // namespace hooke::storage
