// A network that cuts, delays, trickles, ends one direction, and repeats bytes: everything arrives once.
#include <gtest/gtest.h>

#include "tests/fault/options.h"
#include "tests/fault/proxy.h"
#include "tests/fault/streams.h"
#include "tests/integration/harness.h"

namespace hooke::fault {
namespace {

using harness::House;

constexpr unsigned kNetworkProducers = 3;

// Producers send through the weather until enough has befallen them.
void expect_everything_once(const House& house, const Weather& weather) {
  Proxy proxy(house.port(), weather, options().seed);
  Streams streams(house, kNetworkProducers, proxy.port());
  EXPECT_TRUE(harness::eventually(
      [&] { return proxy.faults() >= options().faults && streams.least_acknowledged() > 0; },
      std::chrono::seconds(60 + options().faults)));
  streams.expect_everything_once("faults " + std::to_string(proxy.faults()));
}

TEST(Network, ThatCutsAndHalfClosesLosesNothing) {
  House house({.auth = false});
  house.start_server();
  expect_everything_once(house, {.cut = 60, .cut_inside = 60, .half_close = 60});
}

TEST(Network, ThatDelaysAndTricklesLosesNothing) {
  House house({.auth = false});
  house.start_server();
  expect_everything_once(house, {.cut = 200, .delay = 10, .trickle = 5});
}

// The same stream is open twice at once, with the same records: the server takes each from whichever brings
// it first.
TEST(Network, ThatDoublesConnectionsLosesNothingAndStoresNothingTwice) {
  House house({.auth = false});
  house.start_server();
  expect_everything_once(house, {.cut = 60, .twin = 2});
}

// TCP and TLS together keep such bytes from the server, which has no other shield: it never listens
// beyond loopback without TLS.
TEST(Network, ThatRepeatsBytesLosesAndChangesNothing) {
  House house({.auth = false, .tls = true});
  house.start_server();
  expect_everything_once(house, {.cut_inside = 200, .repeat = 30});
}

TEST(Network, ThatFailsAllTheTimeNeverHoldsUpTraining) {
  House house;
  house.start_server();
  Proxy proxy(house.port(), {.cut = 20, .cut_inside = 20, .half_close = 40, .delay = 5}, options().seed);
  house.start_worker("one", {"--server", "127.0.0.1:" + std::to_string(proxy.port())});
  const std::string config = house.config(
      "model: {type: mlp, hidden: [32]}\ntraining: {batch: 20, epochs: 20, seed: 5}\n"
      "probes: {per_class: 10, every: 2}\nmeasures: [kl]\n");
  const std::string run = house.submit(config);
  ASSERT_EQ(house.hooke({"wait", run}).exit_code, 0);
  EXPECT_GT(proxy.faults(), 0);
  house.start_worker("two");
  const std::string undisturbed = house.submit(config);
  // Whichever worker has it: the figures are the same.
  ASSERT_EQ(house.hooke({"wait", undisturbed}).exit_code, 0);
  for (const char* key : {"train/loss", "elasticity/kl[a,b]"})
    EXPECT_EQ(house.answer({"series", "get", run, key, "--full", "-o", "csv"}),
              house.answer({"series", "get", undisturbed, key, "--full", "-o", "csv"}));
}

}  // namespace
}  // namespace hooke::fault
