#include "server/storage/changes.h"

#include <gtest/gtest.h>

#include <thread>

namespace hooke::storage {
namespace {

using std::chrono::milliseconds;

Change change(std::int64_t run, std::int64_t experiment, unsigned bits = kPointsChanged) {
  return {{run}, {experiment}, bits};
}

TEST(Changes, OfOneRunCoalesceUntilTheyAreTaken) {
  Changes changes;
  const auto all = changes.subscribe({});
  changes.publish({change(1, 1, kPointsChanged), change(2, 1)});
  changes.publish({change(1, 1, kStateChanged)});
  const auto batch = all->take();
  ASSERT_EQ(batch.runs.size(), 2u);
  EXPECT_EQ(batch.runs.at({1}).bits, kPointsChanged | kStateChanged);
  EXPECT_TRUE(all->take().empty());
}

TEST(Changes, AreFilteredByRunAndByExperiment) {
  Changes changes;
  const auto by_run = changes.subscribe({{{7}}, {}});
  const auto by_experiment = changes.subscribe({{}, {{3}}});
  changes.publish({change(7, 1), change(8, 3), change(9, 1)});
  EXPECT_EQ(by_run->take().runs.begin()->first, RunId{7});
  const auto batch = by_experiment->take();
  ASSERT_EQ(batch.runs.size(), 1u);
  EXPECT_EQ(batch.runs.begin()->first, RunId{8});
}

TEST(Changes, TooManyForASlowSubscriberBecomeEverything) {
  Changes changes;
  const auto slow = changes.subscribe({});
  const auto limit = static_cast<std::int64_t>(Changes::Subscription::kMaxRuns);
  for (std::int64_t run = 1; run <= limit; ++run) changes.publish({change(run, 1)});
  EXPECT_EQ(slow->take().runs.size(), Changes::Subscription::kMaxRuns);
  for (std::int64_t run = 1; run <= limit + 5; ++run) changes.publish({change(run, 1)});
  const auto batch = slow->take();
  EXPECT_TRUE(batch.everything);
  EXPECT_TRUE(batch.runs.empty());
}

TEST(Changes, WakeASubscriberOncePerBatch) {
  Changes changes;
  int woken = 0;
  const auto subscription = changes.subscribe({}, [&woken] { ++woken; });
  changes.publish({change(1, 1)});
  changes.publish({change(2, 1)});
  EXPECT_EQ(woken, 1);
  subscription->take();
  changes.publish({change(1, 1)});
  EXPECT_EQ(woken, 2);
}

TEST(Changes, EndAWaitWhenTheyComeAndWhenTheHubStops) {
  Changes changes;
  const auto subscription = changes.subscribe({});
  EXPECT_TRUE(subscription->wait(milliseconds(1)).empty());
  std::thread publisher([&changes] { changes.publish({change(1, 1)}); });
  EXPECT_EQ(subscription->wait(milliseconds(10'000)).runs.size(), 1u);
  publisher.join();
  std::thread stopper([&changes] { changes.stop(); });
  EXPECT_TRUE(subscription->wait(milliseconds(10'000)).stopped);
  stopper.join();
  EXPECT_TRUE(changes.subscribe({})->take().stopped);
}

}  // namespace
}  // namespace hooke::storage
