#include "server/storage/database.h"

#include <SQLiteCpp/Database.h>
#include <gmock/gmock.h>

#include <fstream>

#include "migrations/migrations.h"
#include "tests/unit/server/storage/temp_database.h"

namespace hooke::storage {
namespace {

using hooke::tests::code_of;
using hooke::tests::Server;
using hooke::tests::TempFolder;

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A database file that was made by `sql`, and by nothing of ours.
std::filesystem::path make_file(const TempFolder& folder, const std::string& sql) {
  const auto file = folder.path() / "hooke.db";
  SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  database.exec(sql);
  return file;
}

TEST(Database, IsMadeWithTheNewestSchema) {
  const TempFolder folder;
  const Database database({folder.path() / "data", {}});
  EXPECT_EQ(database.schema_version(), static_cast<int>(migrations().size()));
  const SQLite::Database file(database.file().string(), SQLite::OPEN_READONLY);
  EXPECT_EQ(
      SQLite::Database(file.getFilename(), SQLite::OPEN_READONLY).execAndGet("PRAGMA user_version").getInt(),
      database.schema_version());
  EXPECT_EQ(SQLite::Database(file.getFilename(), SQLite::OPEN_READONLY)
                .execAndGet("PRAGMA application_id")
                .getInt(),
            0x484F4F4B);
  EXPECT_GT(database.file_bytes(), 0);
  EXPECT_EQ(std::filesystem::status(database.file()).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_GT(database.disk_free_bytes(), 0);
}

TEST(Database, IsOpenedAgainWithWhatWasInIt) {
  const TempFolder folder;
  {
    Server server(folder.path());
    server.write([](Transaction& transaction) { hooke::tests::add_experiment(transaction, "kept"); });
  }
  Server server(folder.path());
  EXPECT_TRUE(server.read([](Snapshot& snapshot) { return find_experiment(snapshot, "kept").has_value(); }));
}

TEST(Database, OfANewerVersionIsRefusedAndNotTouched) {
  const TempFolder folder;
  const auto file =
      make_file(folder, "CREATE TABLE t (a); PRAGMA application_id = 1213157195; PRAGMA user_version = 99");
  const std::string before = bytes_of(file);
  EXPECT_EQ(code_of([&] { Database({folder.path(), {}}); }), Code::kFailedPrecondition);
  EXPECT_EQ(bytes_of(file), before);
  EXPECT_FALSE(std::filesystem::exists(file.string() + "-wal"));
}

TEST(Database, WhoseNewerVersionIsOnlyInTheWalIsRefused) {
  const TempFolder folder;
  { const Database made({folder.path(), {}}); }
  const auto file = folder.path() / "hooke.db";
  {
    SQLite::Database other(file.string(), SQLite::OPEN_READWRITE);
    other.exec("PRAGMA user_version = 99");
    std::filesystem::copy_file(file, folder.path() / "copy");
    std::filesystem::copy_file(file.string() + "-wal", folder.path() / "copy-wal");
  }
  const TempFolder second;
  std::filesystem::copy_file(folder.path() / "copy", second.path() / "hooke.db");
  std::filesystem::copy_file(folder.path() / "copy-wal", second.path() / "hooke.db-wal");
  const std::string before = bytes_of(second.path() / "hooke.db");
  EXPECT_EQ(code_of([&] { Database({second.path(), {}}); }), Code::kFailedPrecondition);
  EXPECT_EQ(bytes_of(second.path() / "hooke.db"), before);
}

TEST(Database, OfAnotherApplicationIsRefusedAndNotTouched) {
  for (const std::string sql : {"CREATE TABLE t (a); PRAGMA application_id = 1", "CREATE TABLE t (a)"}) {
    const TempFolder folder;
    const auto file = make_file(folder, sql);
    const std::string before = bytes_of(file);
    EXPECT_EQ(code_of([&] { Database({folder.path(), {}}); }), Code::kFailedPrecondition) << sql;
    EXPECT_EQ(bytes_of(file), before) << sql;
  }
}

TEST(Database, ThatIsNoDatabaseIsRefusedAndNotTouched) {
  const TempFolder folder;
  std::ofstream(folder.path() / "hooke.db") << "some text that is no database";
  EXPECT_EQ(code_of([&] { Database({folder.path(), {}}); }), Code::kFailedPrecondition);
  EXPECT_EQ(bytes_of(folder.path() / "hooke.db"), "some text that is no database");
}

TEST(Database, IsServedByOneServerAtATime) {
  const TempFolder folder;
  {
    const Database first({folder.path(), {}});
    EXPECT_EQ(code_of([&] { Database({folder.path(), {}}); }), Code::kFailedPrecondition);
  }
  EXPECT_NO_THROW(Database({folder.path(), {}}));
}

TEST(Database, OnANetworkFileSystemIsRefusedWithItsType) {
  const TempFolder folder;
  try {
    Database({folder.path(), [](const std::filesystem::path&) { return std::int64_t{0x6969}; }});
    FAIL() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kFailedPrecondition);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("nfs"));
  }
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "hooke.db"));
  for (const std::int64_t type :
       std::vector<std::int64_t>{0xFF534D42, 0x65735546, 0x0BD00BD0, 0x47504653, 0x19830326, 0x00C36400})
    EXPECT_NE(network_file_system(type), "") << std::hex << type;
  for (const std::int64_t local : std::vector<std::int64_t>{0xEF53, 0x58465342, 0x01021994, 0x794c7630})
    EXPECT_EQ(network_file_system(local), "") << std::hex << local;
}

TEST(Database, InAFolderThatCannotBeMadeIsAnErrorThatNamesIt) {
  const TempFolder folder;
  std::ofstream(folder.path() / "file") << "x";
  EXPECT_EQ(code_of([&] { Database({folder.path() / "file" / "data", {}}); }), Code::kUnavailable);
}

}  // namespace
}  // namespace hooke::storage
