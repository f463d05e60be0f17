// Hours of work in minutes: workers at full rate, and people who look. Nothing may grow but the data.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <thread>

#include "tests/fault/looker.h"
#include "tests/fault/options.h"
#include "tests/fault/process_state.h"
#include "tests/fault/streams.h"

namespace hooke::fault {
namespace {

using harness::House;

constexpr unsigned kSoakProducers = 4;
constexpr int kSoakLookers = 2;
// Without --minutes: this many samples, a second each.
constexpr int kShortSamples = 6;
// What memory and handles may be above what they were after the warm-up, which is a third of the time.
constexpr double kMoreMemory = 1.15, kMoreMemoryMib = 64;
constexpr std::int64_t kMoreHandles = 16;
// Checkpoints begin at 16 MiB; one transaction and one slow reader come on top.
constexpr double kMostWalMib = 128;

struct Sample {
  double memory_mib = 0, wal_mib = 0, database_mib = 0, median_ms = 0, p99_ms = 0, slowest_ms = 0;
  std::int64_t handles = 0;
  std::uint64_t records = 0;  // acknowledged since the sample before
  std::size_t queries = 0;
};

// People, each on a thread of their own, until the end.
class Crowd {
 public:
  Crowd(const House& house, const Streams& streams) {
    for (int i = 0; i < kSoakLookers; ++i)
      lookers_.emplace_back(connect(house, house.port()), streams.run(static_cast<unsigned>(i)));
    for (Looker& looker : lookers_)
      EXPECT_TRUE(harness::eventually([&] { return looker.sees_all(); })) << "nothing to look at";
    for (Looker& looker : lookers_) threads_.emplace_back([this, &looker] { work(looker); });
  }
  ~Crowd() {
    enough_ = true;
    for (std::thread& thread : threads_) thread.join();
    for (const Looker& looker : lookers_) EXPECT_EQ(looker.wrong, "");
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  std::vector<double> take_times_ms() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(times_ms_, {});
  }

 private:
  void work(Looker& looker) {
    while (!enough_) {
      looker.look();
      const auto times = looker.take_times_ms();
      const std::scoped_lock lock(mutex_);
      times_ms_.insert(times_ms_.end(), times.begin(), times.end());
    }
  }

  std::atomic<bool> enough_{false};
  std::mutex mutex_;
  std::vector<double> times_ms_;  // guarded by mutex_
  std::vector<Looker> lookers_;
  std::vector<std::thread> threads_;
};

Sample sample(House& house, const Streams& streams, Crowd& crowd, std::uint64_t& before) {
  Sample now;
  now.memory_mib = memory_mib(house.server().pid());
  now.handles = handles(house.server().pid());
  now.wal_mib = size_mib(house.folder() / "server/hooke.db-wal");
  now.database_mib = size_mib(house.folder() / "server/hooke.db");
  const std::uint64_t acknowledged = streams.acknowledged();
  now.records = acknowledged - std::exchange(before, acknowledged);
  auto times = crowd.take_times_ms();
  std::sort(times.begin(), times.end());
  now.queries = times.size();
  if (times.empty()) return now;
  now.median_ms = times[times.size() / 2];
  now.p99_ms = times[times.size() * 99 / 100];
  now.slowest_ms = times.back();
  return now;
}

void expect_no_growth(const std::vector<Sample>& samples) {
  const auto warm = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 3);
  const auto middle = warm + (samples.end() - warm) / 2;
  double memory = 0, wal = 0;
  std::int64_t handles = 0;
  for (auto one = warm; one != middle; ++one) {
    memory = std::max(memory, one->memory_mib);
    handles = std::max(handles, one->handles);
  }
  for (auto one = middle; one != samples.end(); ++one) {
    EXPECT_LE(one->memory_mib, memory * kMoreMemory + kMoreMemoryMib) << "memory grows";
    EXPECT_LE(one->handles, handles + kMoreHandles) << "handles are left open";
  }
  for (const Sample& one : samples) wal = std::max(wal, one.wal_mib);
  EXPECT_LE(wal, kMostWalMib) << "the WAL grows";
}

TEST(Soak, NothingGrowsButTheDataAndNothingIsLost) {
  House house({.auth = false});
  house.start_server();
  Streams streams(house, kSoakProducers, house.port());
  std::vector<Sample> samples;
  {
    Crowd crowd(house, streams);
    std::uint64_t before = streams.acknowledged();
    const int count = options().minutes > 0 ? options().minutes : kShortSamples;
    std::printf(
        "| %s | records | memory MiB | handles | WAL MiB | database MiB | queries | median ms | p99 ms | "
        "slowest ms |\n"
        "|---|---|---|---|---|---|---|---|---|---|\n",
        options().minutes > 0 ? "minute" : "second");
    for (int i = 1; i <= count; ++i) {
      std::this_thread::sleep_for(std::chrono::seconds(options().minutes > 0 ? 60 : 1));
      const Sample one = sample(house, streams, crowd, before);
      samples.push_back(one);
      std::printf("| %d | %llu | %.0f | %lld | %.1f | %.0f | %zu | %.1f | %.1f | %.1f |\n", i,
                  static_cast<unsigned long long>(one.records), one.memory_mib,
                  static_cast<long long>(one.handles), one.wal_mib, one.database_mib, one.queries,
                  one.median_ms, one.p99_ms, one.slowest_ms);
      std::fflush(stdout);
      EXPECT_GT(one.records, 0u) << "nothing was written";
    }
  }
  expect_no_growth(samples);
  streams.expect_everything_once("soaked:");
}

}  // namespace
}  // namespace hooke::fault
