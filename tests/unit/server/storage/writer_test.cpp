#include "server/storage/writer.h"

#include <gmock/gmock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <future>
#include <memory>
#include <thread>

#include "server/storage/requests.h"
#include "tests/unit/server/storage/temp_database.h"

namespace {

// SQLite's fsync comes here: so many of the next ones fail with EIO. How often it was called.
std::atomic<int> fsync_failures{0};
constexpr int kAll = 1 << 30;
std::atomic<int> fsync_calls{0};

}  // namespace

extern "C" int fdatasync(int file) {
  ++fsync_calls;
  if (fsync_failures > 0) {
    --fsync_failures;
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fdatasync, file));
}

namespace hooke::storage {
namespace {

using hooke::tests::code_of;
using hooke::tests::Server;
using hooke::tests::TempFolder;

void put(Transaction& transaction, const std::string& name) {
  put_setting(transaction, name, "1");
}

bool has(Server& server, const std::string& name) {
  return server.read([&](Snapshot& snapshot) { return find_setting(snapshot, name).has_value(); });
}

// Keeps the writer busy until it is opened, so that what is posted meanwhile becomes one group.
class Gate {
 public:
  explicit Gate(Writer& writer) {
    writer.post([this](Transaction&) { opened_.get_future().wait(); }, [](std::exception_ptr) {});
  }
  void open() { opened_.set_value(); }

 private:
  std::promise<void> opened_;
};

TEST(Writer, ReturnsWhatAJobReturnsAfterItsCommit) {
  const TempFolder folder;
  Server server(folder.path());
  EXPECT_EQ(server.write([](Transaction& transaction) {
    put(transaction, "a");
    return 7;
  }),
            7);
  EXPECT_TRUE(has(server, "a"));
}

TEST(Writer, RollsBackAFailingJobAloneInItsGroup) {
  const TempFolder folder;
  Server server(folder.path());
  Gate gate(server.writer);
  std::vector<std::string> ended;
  std::promise<void> last;
  const auto note = [&](const std::string& name) {
    return
        [&ended, name](std::exception_ptr error) { ended.push_back(name + (error ? " failed" : " done")); };
  };
  server.writer.post([](Transaction& transaction) { put(transaction, "before"); }, note("before"));
  server.writer.post(
      [](Transaction& transaction) {
        put(transaction, "failing");
        throw Error(Code::kInvalidArgument, "no");
      },
      note("failing"));
  server.writer.post([](Transaction& transaction) { put(transaction, "after"); },
                     [&, done = note("after")](std::exception_ptr error) {
                       done(error);
                       last.set_value();
                     });
  const auto commits = server.writer.statistics().commits;
  gate.open();
  last.get_future().wait();
  EXPECT_EQ(server.writer.statistics().commits, commits + 1);
  EXPECT_THAT(ended, ::testing::ElementsAre("before done", "failing failed", "after done"));
  EXPECT_TRUE(has(server, "before"));
  EXPECT_FALSE(has(server, "failing"));
  EXPECT_TRUE(has(server, "after"));
}

TEST(Writer, PassesOnTheErrorThatAJobThrows) {
  const TempFolder folder;
  Server server(folder.path());
  EXPECT_EQ(code_of([&] { server.write([](Transaction&) { throw Error(Code::kNotFound, "gone"); }); }),
            Code::kNotFound);
  EXPECT_THROW(server.write([](Transaction&) { throw std::bad_alloc(); }), std::bad_alloc);
  // What SQLite refuses (a foreign key here) is an error of ours.
  EXPECT_EQ(code_of([&] {
              server.write([](Transaction& t) { hooke::tests::add_run(t, ExperimentId{99}, "aaaaaaaa"); });
            }),
            Code::kInternal);
}

TEST(Writer, CommitsWhatArrivesTogetherWithOneFsync) {
  const TempFolder folder;
  Server server(folder.path());
  constexpr int kJobs = 100;
  server.write([](Transaction& transaction) { put(transaction, "warm"); });
  Gate gate(server.writer);
  std::promise<void> last;
  for (int i = 0; i < kJobs; ++i)
    server.writer.post([i](Transaction& t) { put(t, "job" + std::to_string(i)); },
                       [&last, i](std::exception_ptr) {
                         if (i == kJobs - 1) last.set_value();
                       });
  const int before = fsync_calls;
  gate.open();
  last.get_future().wait();
  EXPECT_GE(fsync_calls - before, 1);
  EXPECT_LE(fsync_calls - before, 3);
}

TEST(Writer, RefusesWhatDoesNotFitIntoItsQueue) {
  const TempFolder folder;
  WriterOptions options;
  options.max_queue_jobs = 2;
  options.max_queue_bytes = 100;
  std::promise<void> started;
  std::promise<void> release;
  Server server(folder.path(), options);  // ends first: its thread uses them
  server.writer.post(
      [&](Transaction&) {
        started.set_value();
        release.get_future().wait();
      },
      [](std::exception_ptr) {});
  started.get_future().wait();
  const auto post = [&](std::size_t bytes) {
    server.writer.post([](Transaction&) {}, [](std::exception_ptr) {}, bytes);
  };
  post(60);
  EXPECT_EQ(code_of([&] { post(60); }), Code::kUnavailable);
  post(10);
  EXPECT_EQ(code_of([&] { post(1); }), Code::kUnavailable);
  EXPECT_EQ(server.writer.statistics().queued_jobs, 2);
  release.set_value();
}

TEST(Writer, FinishesItsQueueWhenItStopsAndRefusesWhatComesAfter) {
  const TempFolder folder;
  Server server(folder.path());
  Gate gate(server.writer);
  std::atomic<int> done{0};
  for (int i = 0; i < 10; ++i)
    server.writer.post([i](Transaction& t) { put(t, std::to_string(i)); },
                       [&done](std::exception_ptr error) { done += error ? 0 : 1; });
  gate.open();
  server.writer.stop();
  EXPECT_EQ(done, 10);
  EXPECT_EQ(server.database.wal_bytes(), 0);
  EXPECT_EQ(code_of([&] { server.write([](Transaction&) {}); }), Code::kUnavailable);
  EXPECT_TRUE(has(server, "9"));
}

TEST(Writer, TellsOfChangesAfterTheCommitAndNotOfARolledBackJob) {
  const TempFolder folder;
  Server server(folder.path());
  const auto subscription = server.changes.subscribe({});
  server.write([](Transaction& transaction) { transaction.changed({{1}, {1}, kStateChanged}); });
  EXPECT_THROW(server.write([](Transaction& transaction) {
    transaction.changed({{2}, {1}, kStateChanged});
    throw Error(Code::kInvalidArgument, "no");
  }),
               Error);
  const auto batch = subscription->take();
  ASSERT_EQ(batch.runs.size(), 1u);
  EXPECT_EQ(batch.runs.begin()->first, RunId{1});
}

TEST(Writer, SaysThatTheOutcomeOfAFailedCommitIsUnknownAndGoesOn) {
  const TempFolder folder;
  bool fatal = false;
  WriterOptions options;
  options.fatal = [&fatal](const std::string&) { fatal = true; };
  Server server(folder.path(), options);
  server.write([](Transaction& transaction) { put(transaction, "before"); });
  fsync_failures = 1;
  EXPECT_EQ(code_of([&] { server.write([](Transaction& t) { put(t, "lost"); }); }), Code::kUnavailable);
  server.write([](Transaction& transaction) { put(transaction, "after"); });
  EXPECT_TRUE(has(server, "before"));
  EXPECT_TRUE(has(server, "after"));
  EXPECT_FALSE(fatal);
}

// What was acknowledged before and after must not stand in a WAL with a page that may be missing between.
TEST(Writer, MovesTheWalIntoTheFileAfterAFailedFsyncOnceReadersHaveEnded) {
  const TempFolder folder;
  Server server(folder.path());
  server.write([](Transaction& transaction) { put(transaction, "before"); });
  std::unique_ptr<ReadSnapshot> snapshot(new ReadSnapshot(server.readers.snapshot()));
  fsync_failures = 1;
  std::promise<Code> answered;
  std::thread writing(
      [&] { answered.set_value(code_of([&] { server.write([](Transaction& t) { put(t, "lost"); }); })); });
  auto answer = answered.get_future();
  EXPECT_EQ(answer.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout)
      << "a reader is there";
  EXPECT_TRUE(find_setting(*snapshot, "before").has_value()) << "who reads on without harm";
  snapshot.reset();
  writing.join();
  EXPECT_EQ(answer.get(), Code::kUnavailable);
  EXPECT_EQ(std::filesystem::file_size(folder.path() / "hooke.db-wal"), 0u);
  EXPECT_TRUE(has(server, "before"));
}

TEST(Writer, GivesUpWhenTheDiskGoesOnFailing) {
  const TempFolder folder;
  std::atomic<bool> fatal{false};
  WriterOptions options;
  options.fatal = [&fatal](const std::string&) { fatal = true; };
  Server server(folder.path(), options);
  server.write([](Transaction& transaction) { put(transaction, "before"); });
  fsync_failures = kAll;
  EXPECT_EQ(code_of([&] { server.write([](Transaction& t) { put(t, "lost"); }); }), Code::kUnavailable);
  fsync_failures = 0;
  EXPECT_TRUE(fatal);
}

TEST(Writer, CallsTheFatalHandlerWhenTheDatabaseCannotBeOpenedAgain) {
  const TempFolder folder;
  std::atomic<bool> fatal{false};
  WriterOptions options;
  options.fatal = [&fatal](const std::string&) { fatal = true; };
  Server server(folder.path(), options);
  // The file goes away and a folder stands in its place.
  server.write([](Transaction& transaction) { put(transaction, "before"); });
  fsync_failures = kAll;
  std::filesystem::rename(folder.path() / "hooke.db", folder.path() / "gone.db");
  std::filesystem::create_directory(folder.path() / "hooke.db");
  EXPECT_EQ(code_of([&] { server.write([](Transaction& t) { put(t, "lost"); }); }), Code::kUnavailable);
  fsync_failures = 0;
  EXPECT_TRUE(fatal);
  EXPECT_EQ(code_of([&] { server.write([](Transaction&) {}); }), Code::kUnavailable);
}

TEST(Writer, KeepsTheWalShortByCheckpoints) {
  const TempFolder folder;
  WriterOptions options;
  options.checkpoint_bytes = 64 << 10;
  Server server(folder.path(), options);
  const std::string value(10'000, 'x');
  for (int i = 0; i < 100; ++i)
    server.write([&](Transaction& t) { put_setting(t, "name" + std::to_string(i), value); });
  EXPECT_LT(server.database.wal_bytes(), 512 << 10);
  EXPECT_GT(server.database.file_bytes(), 500'000);
}

TEST(Readers, SeeOneMomentWhateverIsWrittenMeanwhile) {
  const TempFolder folder;
  Server server(folder.path());
  auto before = server.readers.snapshot();
  server.write([](Transaction& transaction) { put(transaction, "a"); });
  EXPECT_FALSE(find_setting(before, "a"));
  EXPECT_TRUE(has(server, "a"));
}

TEST(Readers, AreBoundedInNumberAndTime) {
  const TempFolder folder;
  Server server(folder.path());
  ReadersOptions options;
  options.max_snapshots = 1;
  options.max_wait = std::chrono::milliseconds(1);
  options.max_age = std::chrono::milliseconds(0);
  Readers readers(server.database, options);
  {
    auto only = readers.snapshot();
    EXPECT_EQ(code_of([&] { readers.snapshot(); }), Code::kUnavailable);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    EXPECT_EQ(code_of([&] { find_setting(only, "a"); }), Code::kDeadlineExceeded);
  }
  EXPECT_NO_THROW(readers.snapshot());
}

}  // namespace
}  // namespace hooke::storage
