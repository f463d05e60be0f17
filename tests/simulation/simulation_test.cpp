// That the simulator can be trusted: a seed is a history, and its disk loses what it must.
#include "tests/simulation/simulation.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <sstream>

#include "server/storage/requests.h"
#include "tests/simulation/server_host.h"
#include "tests/simulation/vfs.h"
#include "tests/unit/server/storage/temp_database.h"

namespace hooke::simulation {
namespace {

std::string totals_of(std::uint64_t seed) {
  const tests::TempFolder folder;
  const Outcome outcome = simulate({seed, 2'000, false, folder.path()});
  EXPECT_EQ(outcome.violation, std::nullopt) << "seed " << seed;
  std::ostringstream totals;
  totals << outcome.totals;
  return totals.str();
}

TEST(Simulator, GivesTheSameHistoryForTheSameSeed) {
  EXPECT_EQ(totals_of(7), totals_of(7));
  EXPECT_NE(totals_of(7), totals_of(8));
}

TEST(SimulatedDisk, KeepsWhatWasSyncedAndMayLoseTheRest) {
  int lost = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    World world(seed, false);
    Disk disk(world);
    const auto file = disk.make("/a/file");
    disk.write(file, 0, "synced");
    ASSERT_EQ(disk.sync(file), 0);
    disk.write(file, 6, "not");
    disk.make("/a/other");
    disk.restart(true);
    const auto found = disk.find("/a/file");
    ASSERT_TRUE(found);
    ASSERT_EQ(disk.bytes(found).substr(0, 6), "synced");
    lost += disk.bytes(found).size() == 6;
  }
  EXPECT_GT(lost, 0);
  EXPECT_LT(lost, 50);
}

TEST(SimulatedDisk, NeverWritesWhatAFailedSyncHasMarkedAsClean) {
  int lost = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    World world(seed, false);
    Disk disk(world);
    const auto file = disk.make("/file");
    disk.write(file, 0, "in doubt");
    disk.faults.failed_sync = 1000;
    ASSERT_NE(disk.sync(file), 0);
    disk.faults.failed_sync = 0;
    ASSERT_EQ(disk.sync(file), 0) << "as a kernel does";
    EXPECT_EQ(disk.bytes(file), "in doubt") << "it can be read";
    disk.restart(true);
    lost += !disk.find("/file") || disk.bytes(disk.find("/file")).empty();
  }
  EXPECT_GT(lost, 0);
}

// It went on behind a log of which the disk lacked a part; the next power loss took what followed.
TEST(Storage, ThatGaveUpAfterAFailedSyncLosesNothingLaterAcknowledged) {
  spdlog::set_level(spdlog::level::off);
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const tests::TempFolder folder;
    World world(seed, false);
    Disk disk(world);
    mount(disk, world);
    const auto put = [&](const char* value) {
      Server server(world, folder.path());
      server.writer.run([&](storage::Transaction& t) { storage::put_setting(t, value, value); });
    };
    put("before");
    {
      Server server(world, folder.path());
      disk.faults.failed_sync = 1000;
      EXPECT_ANY_THROW(server.writer.run([](storage::Transaction& t) { storage::put_setting(t, "x", "x"); }));
      EXPECT_TRUE(server.is_broken);
      disk.die();  // killed: nothing in order
    }
    disk.restart(false);
    disk.faults = {};
    {
      Server server(world, folder.path());
      server.writer.run([](storage::Transaction& t) { storage::put_setting(t, "after", "after"); });
      disk.die();
    }
    disk.restart(true);
    Server server(world, folder.path());
    auto snapshot = server.readers.snapshot();
    EXPECT_TRUE(storage::find_setting(snapshot, "before"));
    EXPECT_TRUE(storage::find_setting(snapshot, "after")) << "seed " << seed;
  }
}

}  // namespace
}  // namespace hooke::simulation
