// SIGKILL at random moments: what was acknowledged is there, once, with its values.
#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <cstdio>
#include <random>
#include <thread>

#include "tests/fault/options.h"
#include "tests/fault/streams.h"
#include "tests/integration/harness.h"

namespace hooke::fault {
namespace {

using harness::House;
using harness::Process;
using std::chrono::milliseconds;

constexpr unsigned kProducers = 4;

TEST(Kills, OfTheServerUnderLoadLoseNothingThatWasAcknowledged) {
  std::minstd_rand random(options().seed);
  House house({.auth = false});
  house.start_server();
  Streams streams(house, kProducers, house.port());
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

// Some seconds of work, measured at every other step.
constexpr int kSteps = 9 * 60;
const std::string kRun =
    "model: {type: mlp, hidden: [32]}\n"
    "training: {optimizer: adam, lr: 0.002, batch: 20, epochs: 60, seed: 5, checkpoint_every: 20}\n"
    "probes: {per_class: 10, every: 2}\nmeasures: [kl, l2]\n";

std::string all_series(House& house, const std::string& run) {
  std::string out;
  for (const char* key : {"train/loss", "train/accuracy", "test/loss", "elasticity/kl[a,b]",
                          "elasticity/kl[b,b]", "elasticity/l2[d,a]"})
    out += house.answer({"series", "get", run, key, "--full", "-o", "csv"});
  return out;
}

// Two real workers; at each turn one of them, its trainer, the server, or server and worker together die.
TEST(Kills, OfWorkersTrainersAndTheServerLeaveTheCurvesOfUndisturbedRuns) {
  std::minstd_rand random(options().seed);
  House house({.lease_period_s = 1.5});
  house.start_server();
  std::vector<Process*> workers{&house.start_worker("w0"), &house.start_worker("w1")};
  const std::string config = house.config(kRun);
  std::vector<std::string> runs;
  const auto submit = [&] { runs.push_back(house.submit(config, {"--max-attempts", "1000"})); };
  const auto unfinished = [&] {
    int count = 0;
    for (const auto& row : harness::csv(house.answer({"runs", "list", "-o", "csv"})))
      count += row.at(2) == "queued" || row.at(2) == "running" ? 1 : 0;
    return count;
  };
  std::array<int, 4> killed{};
  for (int kill = 0; kill < options().kills; ++kill) {
    while (unfinished() < 3) submit();
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
  const std::string undisturbed = house.submit(config);
  std::vector<std::string> waiting{"wait"};
  waiting.insert(waiting.end(), runs.begin(), runs.end());
  waiting.push_back(undisturbed);
  ASSERT_EQ(house.hooke(waiting).exit_code, 0);
  ASSERT_EQ(
      harness::csv(house.answer({"series", "get", undisturbed, "train/loss", "--full", "-o", "csv"})).size(),
      kSteps + 1u);
  const std::string expected = all_series(house, undisturbed);
  int different = 0;
  for (const std::string& run : runs) different += all_series(house, run) == expected ? 0 : 1;
  std::printf("kills %d: trainers %d workers %d servers %d both %d; runs %zu of %d steps, different %d\n",
              options().kills, killed[0], killed[1], killed[2], killed[3], runs.size(), kSteps, different);
  EXPECT_EQ(different, 0);
}

}  // namespace
}  // namespace hooke::fault
