// SIGSTOP: a worker that stands still for longer than its lease, and a server that does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdio>
#include <thread>

#include "tests/fault/options.h"
#include "tests/fault/streams.h"
#include "tests/fault/trainings.h"

namespace hooke::fault {
namespace {

using harness::eventually;
using harness::House;
using harness::Process;
using testing::HasSubstr;

constexpr double kStopLeaseS = 1.5;
// Longer than a lease, and than the server takes for a little late.
const std::chrono::seconds kStill{4 * harness::patience()};

void signal_all(const Process& worker, int number) {
  for (const pid_t trainer : harness::children_of(worker.pid())) ::kill(trainer, number);
  worker.signal(number);
}

// The server and two workers at most; one stands still, the other is given its run.
TEST(Stops, OfAWorkerForLongerThanItsLeaseLeaveOneCleanCurveAndItsSpool) {
  House house({.lease_period_s = kStopLeaseS});
  house.start_server();
  Trainings trainings(house);
  const int stops = options().stops;
  for (int stop = 0; stop < stops; ++stop) {
    const std::string slow = "slow" + std::to_string(stop), quick = "quick" + std::to_string(stop);
    Process& stopped = house.start_worker(slow, {"--keep-spool"});
    const std::string run = trainings.submit();
    ASSERT_TRUE(eventually([&] { return house.step_of(run) > 20; }));
    signal_all(stopped, SIGSTOP);
    Process& other = house.start_worker(quick, {"--keep-spool"});
    ASSERT_TRUE(eventually([&] { return house.run_column(run, "worker") == quick; })) << other.err();
    signal_all(stopped, SIGCONT);
    EXPECT_TRUE(eventually([&] {
      return stopped.err().find("was superseded by attempt 2") != std::string::npos;
    })) << stopped.err();
    EXPECT_TRUE(eventually([&] { return harness::children_of(stopped.pid()).empty(); }))
        << "it goes on training";
    const auto spool = house.folder() / "spool" / slow / run / "1";
    EXPECT_THAT(stopped.err(), HasSubstr("the spool stays in " + spool.string()));
    EXPECT_TRUE(std::filesystem::exists(spool / "records.spool"));
    ASSERT_EQ(house.hooke({"wait", run}).exit_code, 0);
    for (Process* worker : {&stopped, &other}) {
      worker->signal(SIGTERM);
      EXPECT_EQ(worker->wait(std::chrono::seconds(60)), 0);
    }
    // The other's spool has every record of the curve.
    expect_stored(house, house.folder() / "spool" / quick);
  }
  house.start_worker("last");
  std::printf("worker stopped and fenced %d times; runs different %d of %zu\n", stops, trainings.different(),
              trainings.count());
  EXPECT_EQ(trainings.different(), 0);
}

// Was: at its first look after that the server took every lease for lapsed.
TEST(Stops, OfTheServerForLongerThanALeaseTakeNoLeaseAndLoseNothing) {
  House house({.lease_period_s = kStopLeaseS});
  house.start_server();
  Process& worker = house.start_worker("one", {"--keep-spool"});
  Trainings trainings(house);
  const std::string run = trainings.submit();
  ASSERT_TRUE(eventually([&] { return house.step_of(run) > 20; }));
  house.start_worker("idle");  // would take it
  // So that the run has not ended before the server looks at its lease.
  const auto signal_trainer = [&](int number) {
    for (const pid_t trainer : harness::children_of(worker.pid())) ::kill(trainer, number);
  };
  signal_trainer(SIGSTOP);
  for (int stop = 0; stop < options().stops; ++stop) {
    house.server().signal(SIGSTOP);
    std::this_thread::sleep_for(kStill);
    house.server().signal(SIGCONT);
    EXPECT_GE(house.step_of(run), 20);
  }
  EXPECT_TRUE(eventually([&] { return house.server().err().find("stood still") != std::string::npos; }));
  signal_trainer(SIGCONT);
  ASSERT_EQ(house.hooke({"wait", run}).exit_code, 0);
  EXPECT_THAT(house.answer({"runs", "show", run, "-o", "json"}), HasSubstr("\"attempt\": 1,"));
  EXPECT_THAT(house.server().err(), Not(HasSubstr("leases lapsed")));
  expect_stored(house, house.folder() / "spool" / "one");
  EXPECT_EQ(trainings.different(), 0);
}

TEST(Stops, OfTheServerUnderLoadLoseNothing) {
  House house({.lease_period_s = kStopLeaseS, .auth = false});
  house.start_server();
  Streams streams(house, 3, house.port());
  for (int stop = 0; stop < options().stops; ++stop) {
    const std::uint64_t before = streams.acknowledged();
    ASSERT_TRUE(eventually([&] { return streams.acknowledged() > before; }));
    house.server().signal(SIGSTOP);
    std::this_thread::sleep_for(kStill / 4);
    house.server().signal(SIGCONT);
  }
  streams.expect_everything_once("server stopped " + std::to_string(options().stops) + " times");
}

}  // namespace
}  // namespace hooke::fault
