// A network that cuts, delays, trickles, ends one direction, and repeats bytes: everything arrives once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "tests/bench/bench_server.h"
#include "tests/fault/audit.h"
#include "tests/fault/options.h"
#include "tests/fault/producer.h"
#include "tests/fault/proxy.h"
#include "tests/integration/harness.h"

namespace hooke::fault {
namespace {

using harness::House;
using testing::IsEmpty;

constexpr unsigned kProducers = 3;
constexpr std::int64_t kFaults = 60;

std::shared_ptr<grpc::Channel> channel_to(const std::string& address, const std::string& ca = {}) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(64 << 20);
  if (ca.empty()) return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  std::stringstream certificate;
  certificate << std::ifstream(ca).rdbuf();
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = certificate.str();
  return grpc::CreateCustomChannel(address, grpc::SslCredentials(tls), arguments);
}

// Producers send through the weather until enough has befallen them; what is stored is read without it.
void expect_everything_once(const House& house, const Weather& weather) {
  const std::string ca = house.certificate();
  const auto direct = channel_to(house.address(), ca);
  const auto grants = bench::lease(direct, kProducers);
  Proxy proxy(house.port(), weather, options().seed);
  const std::string address = "127.0.0.1:" + std::to_string(proxy.port());
  std::vector<std::unique_ptr<Producer>> producers;
  for (unsigned run = 0; run < kProducers; ++run)
    producers.push_back(std::make_unique<Producer>(
        run, grants[run], [&] { return channel_to(address, ca); }, options().seed + run));
  EXPECT_TRUE(harness::eventually([&] { return proxy.faults() >= kFaults; }));
  Audit total;
  std::uint64_t acknowledged = 0;
  for (unsigned run = 0; run < kProducers; ++run) {
    const Producer::Report report = producers[run]->finish();
    EXPECT_THAT(report.complaint, IsEmpty());
    acknowledged += report.acknowledged;
    total += audit(direct, grants[run].run(), run, report.acknowledged);
  }
  std::printf(
      "faults %lld connections %lld acknowledged %llu values %lld lost %lld duplicated %lld changed %lld\n",
      static_cast<long long>(proxy.faults()), static_cast<long long>(proxy.connections()),
      static_cast<unsigned long long>(acknowledged), static_cast<long long>(total.values),
      static_cast<long long>(total.lost), static_cast<long long>(total.duplicated),
      static_cast<long long>(total.changed));
  EXPECT_GT(acknowledged, 0u);
  EXPECT_TRUE(total.clean()) << "invented " << total.invented;
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
