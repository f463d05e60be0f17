// People look while workers write at full rate.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <thread>

#include "tests/fault/looker.h"
#include "tests/fault/streams.h"

namespace hooke::fault {
namespace {

using harness::House;

constexpr unsigned kDashboardProducers = 3;
constexpr int kLookers = 3;
constexpr std::chrono::seconds kTime{3};

TEST(Dashboard, SeesWholeTransactionsAndNeverALockedDatabaseWhileWorkersWrite) {
  House house({.auth = false});
  house.start_server();
  Streams streams(house, kDashboardProducers, house.port());
  std::vector<Looker> lookers;
  for (int i = 0; i < kLookers; ++i)
    lookers.emplace_back(connect(house, house.port()), streams.run(static_cast<unsigned>(i)));
  for (Looker& looker : lookers)
    ASSERT_TRUE(harness::eventually([&] { return looker.sees_all(); })) << "nothing to look at";
  const std::uint64_t before = streams.acknowledged();
  std::atomic<bool> enough{false};
  std::vector<std::thread> threads;
  for (Looker& looker : lookers)
    threads.emplace_back([&] {
      while (!enough && looker.wrong.empty()) looker.look();
    });
  std::this_thread::sleep_for(kTime);
  enough = true;
  for (std::thread& thread : threads) thread.join();
  int answers = 0;
  for (const Looker& looker : lookers) {
    EXPECT_EQ(looker.wrong, "");
    answers += looker.answers;
  }
  EXPECT_GT(streams.acknowledged(), before) << "nothing was written meanwhile";
  streams.expect_everything_once("answers " + std::to_string(answers) + " meanwhile");
}

}  // namespace
}  // namespace hooke::fault
