// Disks that fail and disks that are full, under load.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "tests/fault/streams.h"
#include "tests/fault/trainings.h"
#include "tests/temp_folder.h"

namespace hooke::fault {
namespace {

using harness::eventually;
using harness::House;
using ::testing::HasSubstr;

constexpr unsigned kDiskProducers = 3;
constexpr int kExitStorage = 74;
constexpr int kFailures = 5;

class Disk : public ::testing::Test {
 protected:
  std::filesystem::path order() const { return folder_.path() / "fail"; }
  harness::Environment failing() const {
    return {{"LD_PRELOAD", FAILING_DISK_LIBRARY}, {"FAILING_DISK", order().string()}};
  }
  // A server on the disk that fails.
  void start_server() {
    house_ = std::make_unique<House>(House::Options{.auth = false, .server_environment = failing()});
    house_->start_server();
  }
  void fail(const char* how) { std::ofstream(order()) << how; }
  bool acknowledges(const Streams& streams) {
    const std::uint64_t before = streams.acknowledged();
    return eventually([&] { return streams.acknowledged() > before; });
  }

  void expect_nothing_lost_when(const char* order_once);

  const hooke::tests::TempFolder folder_;
  std::unique_ptr<House> house_;
};

// What an order does once, again and again, while everything that is acknowledged must be there.
void Disk::expect_nothing_lost_when(const char* order_once) {
  start_server();
  Streams streams(*house_, kDiskProducers, house_->port());
  for (int i = 0; i < kFailures; ++i) {
    ASSERT_TRUE(acknowledges(streams));
    fail(order_once);
    ASSERT_TRUE(eventually([&] { return !std::filesystem::exists(order()); })) << "nothing was to fail";
  }
  ASSERT_TRUE(acknowledges(streams));
  EXPECT_TRUE(house_->server().running());
  streams.expect_everything_once(std::string(order_once) + ", " + std::to_string(kFailures) + " times:");
}

TEST_F(Disk, WhoseFsyncFailsNowAndThenLosesNothing) {
  expect_nothing_lost_when("fsync once");
}

TEST_F(Disk, WhoseWritesFailNowAndThenLosesNothing) {
  expect_nothing_lost_when("write once");
}

TEST_F(Disk, ThatIsFullNowAndThenLosesNothing) {
  expect_nothing_lost_when("full once");
}

TEST_F(Disk, ThatTakesHalfOfEveryWriteLosesNothing) {
  start_server();
  fail("short");
  Streams streams(*house_, kDiskProducers, house_->port());
  for (int i = 0; i < kFailures; ++i) ASSERT_TRUE(acknowledges(streams));
  streams.expect_everything_once("short writes:");
}

TEST_F(Disk, ThatGoesOnFailingEndsTheServerWhichLosesNothing) {
  start_server();
  Streams streams(*house_, kDiskProducers, house_->port());
  ASSERT_TRUE(acknowledges(streams));
  fail("fsync");
  EXPECT_EQ(house_->server().wait(std::chrono::seconds(60)), kExitStorage);
  EXPECT_THAT(house_->server().err(), HasSubstr("cannot be opened again"));
  std::filesystem::remove(order());
  house_->start_server();
  ASSERT_TRUE(acknowledges(streams));
  streams.expect_everything_once("fsync failed for good:");
}

// A small tmpfs in place of a folder, for root; filled by a file.
class SmallDisk {
 public:
  explicit SmallDisk(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
    mounted_ = ::mount("hooke", folder_.c_str(), "tmpfs", 0, "size=48m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool mounted() const { return mounted_; }
  void fill() {
    std::ofstream ballast(folder_ / "ballast", std::ios::binary);
    const std::string piece(1 << 12, 'x');
    while (ballast.write(piece.data(), static_cast<std::streamsize>(piece.size())).flush()) {
    }
  }
  void make_room() { std::filesystem::remove(folder_ / "ballast"); }

 private:
  const std::filesystem::path folder_;
  bool mounted_;
};

// On a file system that is really full where one may be mounted, else on one that says so.
TEST_F(Disk, ThatIsFullForAWhileHoldsWritersUpAndNoReaderAndLosesNothing) {
  house_ = std::make_unique<House>(House::Options{.auth = false, .server_environment = failing()});
  SmallDisk disk(house_->folder() / "server");
  house_->start_server();
  Streams streams(*house_, kDiskProducers, house_->port());
  ASSERT_TRUE(acknowledges(streams));
  disk.mounted() ? disk.fill() : fail("full");
  ASSERT_TRUE(eventually([&] { return house_->server().err().find("disk is full") != std::string::npos; }));
  EXPECT_THAT(house_->answer({"runs", "list", "-o", "csv"}), HasSubstr("running"));
  EXPECT_TRUE(house_->server().running());
  disk.mounted() ? disk.make_room() : static_cast<void>(std::filesystem::remove(order()));
  ASSERT_TRUE(acknowledges(streams));
  streams.expect_everything_once(disk.mounted() ? "a full tmpfs:" : "a disk that says it is full:");
  house_->server().signal(SIGTERM);
  EXPECT_EQ(house_->server().wait(std::chrono::seconds(60)), 0);
}

constexpr const char* kRun = "model: {type: mlp, hidden: [8]}\ntraining: {epochs: 1}\n";

// A server on a small disk, and a way to start it when that is full.
class FullAtTheStart : public Disk {
 protected:
  FullAtTheStart() {
    house_ = std::make_unique<House>(House::Options{.auth = false});
    disk_.emplace(server_folder());
  }
  void SetUp() override {
    if (!disk_->mounted()) GTEST_SKIP() << "a tmpfs is for root to mount";
  }
  std::filesystem::path server_folder() const { return house_->folder() / "server"; }

  // It must end at once, and say which disk is full and what to do.
  void expect_no_start() {
    EXPECT_ANY_THROW(house_->start_server());
    EXPECT_EQ(house_->server().wait(std::chrono::seconds(60)), 1);
    EXPECT_THAT(house_->server().err(), HasSubstr(server_folder().string()));
    EXPECT_THAT(house_->server().err(), HasSubstr("its disk is full"));
    EXPECT_THAT(house_->server().err(), HasSubstr("make room there, then start hooked again"));
  }

  std::optional<SmallDisk> disk_;
};

TEST_F(FullAtTheStart, HoldsWritersUpAndNoReaderAndLosesNothing) {
  house_->start_server();
  Streams streams(*house_, kDiskProducers, house_->port());
  ASSERT_TRUE(acknowledges(streams));
  house_->stop_server(SIGKILL);
  disk_->fill();
  house_->start_server();
  EXPECT_THAT(house_->answer({"runs", "list", "-o", "csv"}), HasSubstr("running"));
  ASSERT_TRUE(eventually([&] { return house_->server().err().find("disk is full") != std::string::npos; }));
  const auto refused = house_->hooke({"submit", house_->config(kRun)});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("disk is full"));
  EXPECT_TRUE(house_->server().running());
  disk_->make_room();
  ASSERT_TRUE(acknowledges(streams));
  streams.expect_everything_once("a tmpfs that was full at the start:");
}

TEST_F(FullAtTheStart, ThatLeavesNoRoomForADatabaseIsNamedWithWhatToDo) {
  disk_->fill();
  expect_no_start();
  disk_->make_room();
  house_->start_server();
}

// Was: "disk I/O error".
TEST_F(FullAtTheStart, ThatLeavesNoRoomToOpenADatabaseIsNamedWithWhatToDo) {
  house_->start_server();
  house_->submit(house_->config(kRun));
  house_->stop_server(SIGKILL);
  std::filesystem::remove(server_folder() / "hooke.db-shm");
  disk_->fill();
  expect_no_start();
  disk_->make_room();
  house_->start_server();
  EXPECT_THAT(house_->answer({"runs", "list", "-o", "csv"}), HasSubstr("queued"));
}

// Was: an exit status without a reason, and five attempts.
TEST_F(Disk, OfASpoolThatIsFullFailsTheRunWithThatReasonAndNotAgain) {
  house_ = std::make_unique<House>(House::Options{.worker_environment = failing()});
  house_->start_server();
  Trainings trainings(*house_);
  SmallDisk disk(house_->folder() / "spool");
  house_->start_worker("one", {"--keep-spool"});
  const std::string run = trainings.submit();
  ASSERT_TRUE(eventually([&] { return house_->step_of(run) > 20; }));
  disk.mounted() ? disk.fill() : fail("full");
  const auto waited = house_->hooke({"wait", run});
  EXPECT_EQ(waited.exit_code, 3);
  EXPECT_THAT(waited.err,
              HasSubstr("cannot be written: No space left on device; make room for it, then retry"))
      << "the spool, or a checkpoint beside it";
  EXPECT_THAT(house_->answer({"runs", "show", run, "-o", "json"}), HasSubstr("\"attempt\": 1,"));
  expect_stored(*house_, house_->folder() / "spool");
  disk.mounted() ? disk.make_room() : static_cast<void>(std::filesystem::remove(order()));
  house_->answer({"runs", "retry", run});
  EXPECT_EQ(trainings.different(), 0) << "it goes on from its checkpoint";
}

}  // namespace
}  // namespace hooke::fault
