// Copies of a database that is being written, and the check that finds what is wrong.
#include "server/storage/backup.h"

#include <SQLiteCpp/Database.h>
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "server/storage/levels.h"
#include "tests/unit/server/storage/temp_database.h"

namespace hooke::storage {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Backups : public ::testing::Test {
 protected:
  Backups() {
    series_ = server_.write([](Transaction& t) {
      const RunId run = tests::add_run(t, tests::add_experiment(t, "e").id, "abcdefgh");
      SeriesDeclaration declaration;
      declaration.key = "train/loss";
      return Series{insert_series(t, run, declaration), run, declaration, {}};
    });
  }

  void append(Step count) {
    server_.write([&](Transaction& t) {
      LevelBuilder levels(t, series_);
      for (Step i = 0; i < count; ++i) {
        const Step step = series_.progress.count++;
        insert_scalar(t, series_.id, step, 0, static_cast<double>(step));
        levels.add_scalar(t, step, static_cast<double>(step));
        series_.progress.last_step = step;
      }
      save_progress(t, series_.run, series_.id, series_.progress);
    });
  }

  tests::TempFolder folder_;
  tests::Server server_{folder_.path()};
  Series series_;
};

TEST_F(Backups, AreWholeDatabasesOfOneMomentWhileOthersWrite) {
  append(5'000);
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    while (!stop) append(100);
  });
  BackupFile file;
  for (int i = 0; i < 5; ++i) file = back_up(server_.database, "copy-" + std::to_string(i) + ".db");
  stop = true;
  writer.join();
  EXPECT_EQ(file.path, folder_.path() / "backups" / "copy-4.db");
  EXPECT_EQ(file.bytes, static_cast<std::int64_t>(std::filesystem::file_size(file.path)));
  EXPECT_FALSE(std::filesystem::exists(file.path.string() + "-wal"));

  // A server starts on it.
  tests::TempFolder restored;
  std::filesystem::copy_file(file.path, restored.path() / "hooke.db");
  tests::Server again(restored.path());
  again.read([&](Snapshot& snapshot) {
    const auto copied = find_series(snapshot, series_.run, "train/loss");
    ASSERT_TRUE(copied);
    EXPECT_GE(copied->progress.count, 5'000);
    EXPECT_EQ(count_scalars(snapshot, copied->id), copied->progress.count);
  });
  EXPECT_THAT(verify(again.database), IsEmpty());
}

TEST_F(Backups, NeverOverwriteAndStayInTheirFolder) {
  back_up(server_.database, "a");
  EXPECT_EQ(tests::code_of([&] { back_up(server_.database, "a"); }), Code::kAlreadyExists);
  for (const char* name : {"", "..", "../x", "a/b", ".hidden", "a b", "a\n"})
    EXPECT_EQ(tests::code_of([&] { back_up(server_.database, name); }), Code::kInvalidArgument) << name;
}

TEST_F(Backups, VerifyFindsWhatDoesNotFit) {
  append(1'000);
  EXPECT_THAT(verify(server_.database), IsEmpty());
  server_.write([&](Transaction& t) {
    // A point less than was counted.
    SeriesProgress wrong = series_.progress;
    wrong.count = 1'100;
    save_progress(t, series_.run, series_.id, wrong);
  });
  const auto problems = verify(server_.database);
  EXPECT_THAT(problems,
              Contains(HasSubstr("abcdefgh, series train/loss: 1000 points, but 1100 were counted")));
  EXPECT_THAT(problems, Contains(HasSubstr("level 1 has 62 buckets, not 68")));
}

}  // namespace
}  // namespace hooke::storage
