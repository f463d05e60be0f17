// How SQLite is set up: what a hostile file or statement could use is off, limits are low, and SQL is made of
// literals alone.
#include "server/storage/connection.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <string>
#include <type_traits>

#include "server/storage/limits.h"
#include "server/storage/statement.h"
#include "tests/unit/server/storage/temp_database.h"

namespace hooke::storage {
namespace {

// What was not written in this program cannot be a part of SQL: such code does not compile.
static_assert(std::is_constructible_v<Sql, const char (&)[9]>);
static_assert(!std::is_constructible_v<Sql, std::string>);
static_assert(!std::is_constructible_v<Sql, std::string_view>);
static_assert(!std::is_constructible_v<Sql, const char*>);
static_assert(!std::is_constructible_v<Statement, Snapshot&, std::string>);
static_assert(!std::is_constructible_v<Statement, Snapshot&, std::string_view>);

class Connections : public ::testing::TestWithParam<Connection::Mode> {
 protected:
  Connections() : database_({folder_.path(), {}}), connection_(database_, GetParam()) {}

  sqlite3* handle() { return connection_.database().getHandle(); }
  int config(int option) {
    int value = -1;
    sqlite3_db_config(handle(), option, -1, &value);
    return value;
  }

  hooke::tests::TempFolder folder_;
  Database database_;
  Connection connection_;
};
INSTANTIATE_TEST_SUITE_P(Both, Connections,
                         ::testing::Values(Connection::Mode::kWriter, Connection::Mode::kReader),
                         [](const auto& mode) {
                           return mode.param == Connection::Mode::kWriter ? "Writer" : "Reader";
                         });

TEST_P(Connections, AreShutToWhatAHostileFileCouldUse) {
  EXPECT_EQ(config(SQLITE_DBCONFIG_DEFENSIVE), 1);
  EXPECT_EQ(config(SQLITE_DBCONFIG_TRUSTED_SCHEMA), 0);
  EXPECT_EQ(config(SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION), 0);
  EXPECT_EQ(config(SQLITE_DBCONFIG_ENABLE_FKEY), 1);
  EXPECT_EQ(connection_.pragma("cell_size_check"), 1);
  EXPECT_EQ(connection_.pragma("mmap_size"), 0);
  EXPECT_EQ(connection_.pragma("query_only"), GetParam() == Connection::Mode::kReader ? 1 : 0);
}

TEST_P(Connections, HaveLowLimits) {
  const auto limit = [&](int which) { return sqlite3_limit(handle(), which, -1); };
  EXPECT_EQ(limit(SQLITE_LIMIT_ATTACHED), 0);
  EXPECT_EQ(limit(SQLITE_LIMIT_LENGTH), kMaxValueBytes);
  EXPECT_LE(limit(SQLITE_LIMIT_SQL_LENGTH), 1 << 20);
  EXPECT_LE(limit(SQLITE_LIMIT_COLUMN), 100);
  EXPECT_LE(limit(SQLITE_LIMIT_EXPR_DEPTH), 500);
  EXPECT_LE(limit(SQLITE_LIMIT_COMPOUND_SELECT), 10);
  EXPECT_LE(limit(SQLITE_LIMIT_FUNCTION_ARG), 16);
  EXPECT_LE(limit(SQLITE_LIMIT_LIKE_PATTERN_LENGTH), 100);
  EXPECT_LE(limit(SQLITE_LIMIT_VARIABLE_NUMBER), 2000);
  EXPECT_LE(limit(SQLITE_LIMIT_TRIGGER_DEPTH), 10);
  EXPECT_THROW(connection_.exec("ATTACH ':memory:' AS other"), SQLite::Exception);
  EXPECT_THROW(connection_.exec("SELECT load_extension('x')"), SQLite::Exception);
}

TEST(SqlText, HoldsValuesBesideItAndNeverWithin) {
  const hooke::tests::TempFolder folder;
  hooke::tests::Server server(folder.path());
  const std::string hostile = "x'); DROP TABLE runs; --";
  server.read([&](Snapshot& snapshot) {
    SqlText sql;
    sql.add("SELECT ").bind(hostile).add(" AS k").add(std::size_t{3});
    EXPECT_EQ(sql.text(), "SELECT ? AS k3");
    Statement row(snapshot, sql);
    EXPECT_TRUE(row.step());
    EXPECT_EQ(row.text(0), hostile);
    return 0;
  });
}

}  // namespace
}  // namespace hooke::storage
