// A clock of the day that is set hours forward and back while server and workers run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "tests/fault/options.h"
#include "tests/fault/streams.h"
#include "tests/fault/trainings.h"

namespace hooke::fault {
namespace {

using harness::eventually;
using harness::House;
using testing::HasSubstr;

constexpr double kLeaseS = 3;
constexpr std::int64_t kHourS = 3'600;

// The clock of whatever is started with environment().
class FaultyClock {
 public:
  FaultyClock() {
    std::string name = (std::filesystem::temp_directory_path() / "hooke-clock-XXXXXX").string();
    const int file = ::mkstemp(name.data());
    if (file < 0) throw std::runtime_error("no temporary file");
    ::close(file);
    file_ = name;
    set(0);
  }
  ~FaultyClock() { std::filesystem::remove(file_); }
  FaultyClock(const FaultyClock&) = delete;
  FaultyClock& operator=(const FaultyClock&) = delete;

  harness::Environment environment() const {
    return {{"LD_PRELOAD", FAULTY_CLOCK_LIBRARY}, {"FAULTY_CLOCK", file_.string()}};
  }
  // One write(2): nobody sees half of it.
  void set(std::int64_t seconds_ahead) {
    std::ofstream file(file_, std::ios::binary | std::ios::in | std::ios::out);
    file.write(reinterpret_cast<const char*>(&seconds_ahead), sizeof seconds_ahead);
  }
  // Up to two days forward or back.
  void jump(std::minstd_rand& random) {
    ahead_s_ = static_cast<std::int64_t>(random() % 97) * kHourS - 48 * kHourS;
    set(ahead_s_);
  }

 private:
  std::filesystem::path file_;
  std::int64_t ahead_s_ = 0;
};

// Was: set forward, it took every lease for lapsed, and the run was given to another worker.
TEST(Clocks, ThatJumpTakeNoLeaseAndLeaveTheCurvesOfUndisturbedRuns) {
  FaultyClock of_server, of_worker;
  House house({.lease_period_s = kLeaseS,
               .server_environment = of_server.environment(),
               .worker_environment = of_worker.environment()});
  house.start_server();
  std::minstd_rand random(options().seed);
  house.start_worker("one", {"--keep-spool"});
  Trainings trainings(house);
  const std::string run = trainings.submit();
  ASSERT_TRUE(eventually([&] { return house.step_of(run) > 20; }));
  house.start_worker("idle", {"--keep-spool"});  // would take it
  int jumps = 0;
  for (; jumps < 4 * options().stops || trainings.unfinished() > 0; ++jumps) {
    if (jumps < 4 * options().stops && trainings.unfinished() == 0) trainings.submit();
    std::this_thread::sleep_for(std::chrono::milliseconds(300 + random() % 1500));
    of_server.jump(random);
    of_worker.jump(random);
  }
  EXPECT_EQ(trainings.different(), 0);
  EXPECT_THAT(house.server().err(), Not(HasSubstr("leases lapsed")));
  EXPECT_THAT(house.server().err(), HasSubstr("the clock was set"));
  const std::string runs = house.answer({"runs", "list", "-o", "json"});
  EXPECT_THAT(runs, Not(HasSubstr("\"attempt\": 2")));
  expect_stored(house, house.folder() / "spool");
  std::printf("jumps of both clocks %d, runs %zu\n", jumps, trainings.count());
}

TEST(Clocks, ThatJumpUnderLoadLoseNothing) {
  FaultyClock clock;
  House house({.lease_period_s = kLeaseS, .auth = false, .server_environment = clock.environment()});
  house.start_server();
  std::minstd_rand random(options().seed);
  Streams streams(house, 3, house.port());
  for (int jump = 0; jump < 8 * options().stops; ++jump) {
    const std::uint64_t before = streams.acknowledged();
    ASSERT_TRUE(eventually([&] { return streams.acknowledged() > before; }));
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 500));
    clock.jump(random);
  }
  EXPECT_THAT(house.server().err(), Not(HasSubstr("leases lapsed")));
  streams.expect_everything_once("jumps " + std::to_string(8 * options().stops) + ":");
}

// Was: the difference of two times of the day.
TEST(Clocks, ThatJumpLeaveTheServersUptime) {
  FaultyClock clock;
  House house({.server_environment = clock.environment()});
  house.start_server();
  for (const std::int64_t ahead_s : {48 * kHourS, -48 * kHourS}) {
    clock.set(ahead_s);
    double uptime_s = -1;
    for (const auto& row : harness::csv(house.answer({"server", "status", "-o", "csv"})))
      if (row.at(0) == "uptime") uptime_s = std::stod(row.at(1));
    EXPECT_GE(uptime_s, 0);
    EXPECT_LT(uptime_s, kHourS);
  }
}

}  // namespace
}  // namespace hooke::fault
