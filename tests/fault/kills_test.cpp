// SIGKILL at random moments: what was acknowledged is there, once, with its values.
#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <cstdio>
#include <random>
#include <thread>

#include "tests/fault/options.h"
#include "tests/fault/streams.h"
#include "tests/fault/trainings.h"
#include "tests/integration/harness.h"

namespace hooke::fault {
namespace {

using harness::House;
using harness::Process;
using std::chrono::milliseconds;

constexpr unsigned kKillsProducers = 4;

TEST(Kills, OfTheServerUnderLoadLoseNothingThatWasAcknowledged) {
  std::minstd_rand random(options().seed);
  House house({.auth = false});
  house.start_server();
  Streams streams(house, kKillsProducers, house.port());
  int before_an_answer = 0;
  for (int kill = 0; kill < options().kills; ++kill) {
    const std::uint64_t before = streams.acknowledged();
    std::this_thread::sleep_for(milliseconds(random() % 500));
    before_an_answer += streams.acknowledged() == before ? 1 : 0;
    house.stop_server(SIGKILL);
    house.start_server();
  }
  streams.expect_everything_once("kills " + std::to_string(options().kills) + " (" +
                                 std::to_string(before_an_answer) + " before anything new was acknowledged)");
}

// Two real workers; at each turn one of them, its trainer, the server, or server and worker together die.
TEST(Kills, OfWorkersTrainersAndTheServerLeaveTheCurvesOfUndisturbedRuns) {
  std::minstd_rand random(options().seed);
  House house({.lease_period_s = 1.5});
  house.start_server();
  std::vector<Process*> workers{&house.start_worker("w0"), &house.start_worker("w1")};
  Trainings trainings(house);
  std::array<int, 4> killed{};
  for (int kill = 0; kill < options().kills; ++kill) {
    while (trainings.unfinished() < 3) trainings.submit({"--max-attempts", "1000"});
    std::this_thread::sleep_for(milliseconds(500 + random() % 1500));
    const std::size_t victim = random() % workers.size(),
                      what = static_cast<std::size_t>(kill) % killed.size();
    ++killed[what];
    if (what == 0) {
      for (const pid_t trainer : harness::children_of(workers[victim]->pid())) ::kill(trainer, SIGKILL);
      continue;
    }
    if (what != 2) workers[victim]->signal(SIGKILL);
    if (what >= 2) house.stop_server(SIGKILL);
    if (what != 2) {
      workers[victim]->wait(std::chrono::seconds(10));
      workers[victim] = &house.start_worker("w" + std::to_string(victim));
    }
    if (what >= 2) house.start_server();
  }
  const int different = trainings.different();
  std::printf("kills %d: trainers %d workers %d servers %d both %d; runs %zu of %d steps, different %d\n",
              options().kills, killed[0], killed[1], killed[2], killed[3], trainings.count(),
              Trainings::kSteps, different);
  EXPECT_EQ(different, 0);
}

}  // namespace
}  // namespace hooke::fault
