// Deleting: what goes, what stays, what the file system gets back, and what is left when it is stopped.
#include "server/scheduling/deletion.h"

#include <SQLiteCpp/Database.h>
#include <gmock/gmock.h>

#include <random>

#include "migrations/migrations.h"
#include "server/storage/deletion.h"
#include "server/storage/levels.h"
#include "server/storage/migrate.h"
#include "server/storage/pairs.h"
#include "server/storage/points.h"
#include "server/storage/series.h"
#include "tests/unit/server/storage/temp_database.h"

namespace hooke::scheduling {
namespace {

using hooke::tests::add_experiment;
using hooke::tests::add_run;
using hooke::tests::code_of;
using hooke::tests::Server;
using hooke::tests::TempFolder;
using storage::RunState;
using storage::Snapshot;
using storage::Transaction;
using ::testing::HasSubstr;

constexpr int kClasses = 10;
constexpr std::size_t kMatrixBytes = 20 * kClasses * kClasses;

class DeletionTest : public ::testing::Test {
 protected:
  DeletionTest() { restart(); }

  // Stops the server, which moves everything into the file, and starts another.
  void restart() {
    deletion_.reset();
    server_.reset();
    server_ = std::make_unique<Server>(folder_.path());
    deletion_ = std::make_unique<Deletion>(server_->writer, server_->readers, [] { return TimeUs{5000}; });
  }

  // A finished run with this many points of a scalar, and of a matrix.
  storage::Run make_run(const std::string& experiment, const std::string& run_id, int scalars,
                        int matrices = 0) {
    return server_->write([&](Transaction& t) {
      const auto found = storage::find_experiment(t, experiment);
      const RunId run = add_run(t, found ? found->id : add_experiment(t, experiment).id, run_id);
      add_points(t, run, "train/loss", storage::SeriesKind::kScalar, scalars);
      if (matrices > 0) add_points(t, run, "elasticity/kl", storage::SeriesKind::kMatrix, matrices);
      storage::change_state(t, run, {RunState::kSucceeded, 2000, 0, {}, ""});
      return *storage::find_run(t, run);
    });
  }

  static void add_points(Transaction& t, RunId run, const std::string& key, storage::SeriesKind kind,
                         int count) {
    storage::SeriesDeclaration declaration;
    declaration.key = key;
    declaration.kind = kind;
    const bool matrix = kind == storage::SeriesKind::kMatrix;
    if (matrix) declaration.eligible.assign(kClasses * kClasses, 16);
    const SeriesId series = storage::insert_series(t, run, declaration);
    for (int step = 0; step < count; ++step) {
      if (matrix)
        storage::insert_matrix(t, series, step, 1'700'000'000'000'000 + step, std::string(kMatrixBytes, 'm'));
      else
        storage::insert_scalar(t, series, step, 1'700'000'000'000'000 + step, 1.0 / (1 + step));
    }
    storage::save_progress(t, run, series, {count, 0, count - 1, 0, 0.5});
  }

  Deleted remove(const storage::Run& run) {
    return deletion_->remove(run, [] { return false; });
  }
  Deleted remove(const std::string& experiment) {
    return deletion_->remove(find(experiment), "ada", [] { return false; });
  }
  storage::Experiment find(const std::string& experiment) {
    return server_->read([&](Snapshot& s) { return storage::find_experiment(s, experiment).value(); });
  }
  bool is_there(const std::string& run) {
    return server_->read([&](Snapshot& s) { return storage::find_run(s, run).has_value(); });
  }

  std::int64_t number(const char* sql) {
    SQLite::Database file((folder_.path() / "hooke.db").string(), SQLite::OPEN_READONLY);
    return file.execAndGet(sql).getInt64();
  }
  std::int64_t rows() {
    return number(
        "SELECT (SELECT count(*) FROM series) + (SELECT count(*) FROM scalar_points) + "
        "(SELECT count(*) FROM matrix_points) + (SELECT count(*) FROM pairs_blocks) + "
        "(SELECT count(*) FROM levels) + "
        "(SELECT count(*) FROM latest_values)");
  }

  TempFolder folder_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Deletion> deletion_;
};

TEST_F(DeletionTest, TheFileIsShorterByWhatTheRunHad) {
  EXPECT_EQ(number("PRAGMA auto_vacuum"), 2);
  make_run("kept", "kept1111", 1'000, 5);
  restart();
  const std::int64_t small = server_->database.file_bytes();
  const auto run = make_run("cnn", "abcd2345", 200'000, 3'000);
  restart();
  const std::int64_t large = server_->database.file_bytes();
  ASSERT_GT(large - small, 10'000'000);
  const std::int64_t kept = rows() - 203'000 - 2 - 2;

  const Deleted planned = deletion_->plan(run);
  EXPECT_EQ(planned.runs, 1);
  EXPECT_EQ(planned.points, 203'000);
  EXPECT_NEAR(static_cast<double>(planned.bytes), static_cast<double>(large - small),
              0.2 * static_cast<double>(large - small));
  EXPECT_TRUE(is_there("abcd2345")) << "a plan deletes nothing";
  EXPECT_EQ(server_->database.file_bytes(), large);

  const auto before = server_->writer.statistics().commits;
  const Deleted deleted = remove(run);
  EXPECT_GT(server_->writer.statistics().commits - before, 10) << "in pieces, so that others come between";
  EXPECT_EQ(deleted.points, 203'000);
  EXPECT_FALSE(is_there("abcd2345"));
  EXPECT_EQ(rows(), kept);
  // Without a restart: the last piece asks for the checkpoint.
  const std::int64_t after = server_->database.file_bytes();
  EXPECT_LT(after - small, (large - small) / 50);
  EXPECT_NEAR(static_cast<double>(deleted.bytes), static_cast<double>(large - after),
              0.02 * static_cast<double>(large));
  EXPECT_EQ(number("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
  EXPECT_EQ(number("SELECT count(*) FROM pragma_foreign_key_check"), 0);
  EXPECT_TRUE(is_there("kept1111"));
}

// What ingest keeps beside points: levels, and tables of pairs, the newest of which is not whole.
TEST_F(DeletionTest, LevelsAndTablesOfPairsGoToo) {
  const auto kept = make_run("cnn", "kept1111", 10);
  restart();
  const std::int64_t small = server_->database.file_bytes(), few = rows();
  const auto run = make_run("cnn", "abcd2345", 5'000);
  constexpr int kTables = 500;
  server_->write([&](Transaction& t) {
    const auto loss = storage::find_series(t, run.id, "train/loss").value();
    storage::LevelBuilder(t, loss);
    EXPECT_GT(storage::count_levels(t, loss.id), 1);
    const SeriesId pairs = storage::insert_series(
        t, run.id, {"elasticity/kl.pairs", storage::SeriesKind::kPairs, {"a", "b"}, {1, 1, 1, 1}, "", 16});
    std::mt19937_64 noise(1);
    for (int step = 0; step <= kTables; ++step) {
      std::string numerators(4 * 32 * 32, '\0');  // noise cannot be compressed
      for (char& byte : numerators) byte = static_cast<char>(noise());
      storage::insert_pairs(t, pairs, {step, 0, 0, 32, numerators, std::string(4 * 32, 'd')});
    }
    storage::save_progress(t, run.id, pairs, {kTables, 0, kTables - 1, 0, 0});
  });
  restart();
  const std::int64_t large = server_->database.file_bytes();
  ASSERT_GT(large - small, kTables * 4'096);
  const Deleted planned = deletion_->plan(run);
  EXPECT_EQ(planned.points, 5'000 + kTables);
  EXPECT_NEAR(static_cast<double>(planned.bytes), static_cast<double>(large - small),
              0.2 * static_cast<double>(large - small));
  remove(run);
  EXPECT_EQ(rows(), few);
  EXPECT_LT(server_->database.file_bytes() - small, (large - small) / 50);
  EXPECT_TRUE(is_there(kept.run_id));
}

TEST_F(DeletionTest, TheNameIsFreeAgain) {
  make_run("cnn", "abcd2345", 10);
  make_run("cnn", "bbbb2345", 10);
  const Deleted deleted = remove("cnn");
  EXPECT_EQ(deleted.runs, 2);
  EXPECT_EQ(deleted.points, 20);
  EXPECT_EQ(rows(), 0);
  server_->write([](Transaction& t) { EXPECT_EQ(add_experiment(t, "cnn").name, "cnn"); });
}

TEST_F(DeletionTest, ARunningRunIsRefusedAndNothingChanges) {
  const auto done = make_run("cnn", "abcd2345", 10);
  const auto running = server_->write([&](Transaction& t) {
    const RunId run = add_run(t, done.experiment, "bbbb2345");
    storage::change_state(t, run, {RunState::kRunning, 2000, 1, {}, "w"});
    return *storage::find_run(t, run);
  });
  const auto queued = server_->write(
      [&](Transaction& t) { return *storage::find_run(t, add_run(t, done.experiment, "cccc2345")); });
  EXPECT_EQ(code_of([&] { deletion_->plan(running); }), Code::kFailedPrecondition);
  EXPECT_EQ(code_of([&] { remove(running); }), Code::kFailedPrecondition);
  EXPECT_EQ(code_of([&] { deletion_->plan(find("cnn")); }), Code::kFailedPrecondition);
  try {
    remove("cnn");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("bbbb2345"));
    EXPECT_THAT(error.what(), HasSubstr("cancel"));
  }
  for (const char* id : {"abcd2345", "bbbb2345", "cccc2345"}) EXPECT_TRUE(is_there(id)) << id;
  EXPECT_EQ(server_->read([&](Snapshot& s) { return storage::find_run(s, queued.id)->state; }),
            RunState::kQueued);
  EXPECT_EQ(remove(queued).runs, 1) << "one that nobody works on can go";
}

TEST_F(DeletionTest, OneThatIsGoneIsNotFound) {
  const auto run = make_run("cnn", "abcd2345", 10);
  const auto experiment = find("cnn");
  remove("cnn");
  EXPECT_EQ(code_of([&] { remove(run); }), Code::kNotFound);
  EXPECT_EQ(code_of([&] { deletion_->remove(experiment, "ada", [] { return false; }); }), Code::kNotFound);
}

TEST_F(DeletionTest, WhatAStoppedServerLeavesTheNextRemoves) {
  const auto run = make_run("cnn", "abcd2345", 100'000);
  int asked = 0;
  deletion_->remove(run, [&asked] { return ++asked > 1; });
  EXPECT_FALSE(is_there("abcd2345")) << "the run goes first";
  EXPECT_GT(rows(), 10'000);
  restart();
  EXPECT_TRUE(server_->read([](Snapshot& s) { return storage::has_garbage(s); }));
  // A plan counted free pages alone, and no rows.
  const auto planned = server_->read([](Snapshot& s) { return storage::garbage_bytes(s); });
  EXPECT_GT(planned, 1'000'000);
  EXPECT_LT(planned, 10'000'000);
  EXPECT_GT(deletion_->collect([] { return false; }), 1'000'000);
  EXPECT_EQ(server_->read([](Snapshot& s) { return storage::garbage_bytes(s); }), 0);
  EXPECT_EQ(rows(), 0);
  EXPECT_FALSE(server_->read([](Snapshot& s) { return storage::has_garbage(s); }));
  EXPECT_EQ(deletion_->collect([] { return false; }), 0);
}

TEST_F(DeletionTest, OthersWriteAndReadBetweenThePieces) {
  const auto run = make_run("cnn", "abcd2345", 100'000);
  int between = 0;
  deletion_->remove(run, [&] {
    ++between;
    server_->write([&](Transaction& t) { add_experiment(t, "other"); });
    return false;
  });
  EXPECT_GT(between, 5);
  EXPECT_EQ(server_->read([](Snapshot& s) { return storage::count_experiments(s); }), between + 1);
}

// A database of the second version, with a run of 1,000 points, as its schema has them.
TEST(DeletionFromAnOldDatabase, FindsEverythingInItsPlace) {
  const TempFolder folder;
  {
    SQLite::Database old((folder.path() / "hooke.db").string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    old.exec("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL");
    for (const std::size_t version : {0, 1}) old.exec(storage::migrations().at(version).sql);
    old.exec("PRAGMA application_id = " + std::to_string(storage::kApplicationId) +
             "; PRAGMA user_version = 2");
    old.exec(
        "INSERT INTO experiments (name, submitter, create_us) VALUES ('e', 'ada', 1);"
        "INSERT INTO runs (run_id, experiment_id, state, seed, config_json, config_hash, submitter, "
        "max_attempts, create_us) VALUES ('abcdefgh', 1, 3, 0, '{}', '', 'ada', 5, 1), "
        "('bbbbbbbb', 1, 3, 0, '{}', '', 'ada', 5, 1);"
        "INSERT INTO series (id, run_id, key, kind, description) VALUES (7, 1, 'train/loss', 1, 'kept'), "
        "(9, 2, 'train/loss', 1, '');"
        "DELETE FROM series WHERE id = 9;"
        "INSERT INTO latest_values VALUES (1, 7, 1000, 0, 999, 7, 0.5);"
        "WITH RECURSIVE steps(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM steps WHERE n < 999) "
        "INSERT INTO scalar_points SELECT 7, n, 7, n * 0.5 FROM steps");
  }
  Server server(folder.path());
  const auto series =
      server.read([](Snapshot& s) { return storage::find_series(s, RunId{1}, "train/loss").value(); });
  EXPECT_EQ(series.id.value, 7);
  EXPECT_EQ(series.declaration.description, "kept");
  const auto column = server.read([&](Snapshot& s) { return storage::read_scalars(s, series.id); });
  ASSERT_EQ(column.step.size(), 1'000u);
  EXPECT_EQ(column.value[999], 499.5);
  server.write([](Transaction& t) {
    EXPECT_GT(storage::insert_series(t, RunId{2}, {"new", storage::SeriesKind::kScalar, {}, {}, ""}).value, 9)
        << "a number is not given twice";
  });
  Deletion deletion(server.writer, server.readers, [] { return TimeUs{0}; });
  const auto run = server.read([](Snapshot& s) { return storage::find_run(s, RunId{1}).value(); });
  EXPECT_EQ(deletion.remove(run, [] { return false; }).points, 1'000);
  server.read([&](Snapshot& s) {
    EXPECT_FALSE(storage::find_series(s, RunId{1}, "train/loss"));
    EXPECT_TRUE(storage::read_scalars(s, series.id).step.empty());
    EXPECT_TRUE(storage::find_series(s, RunId{2}, "new"));
  });
}

}  // namespace
}  // namespace hooke::scheduling
