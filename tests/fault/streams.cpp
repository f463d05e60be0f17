#include "tests/fault/streams.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "hooke/v1/admin.grpc.pb.h"
#include "tests/bench/bench_server.h"
#include "tests/fault/options.h"

namespace hooke::fault {

std::shared_ptr<grpc::Channel> connect(const harness::House& house, int port) {
  const std::string address = "127.0.0.1:" + std::to_string(port);
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(64 << 20);
  if (house.certificate().empty())
    return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  std::stringstream certificate;
  certificate << std::ifstream(house.certificate()).rdbuf();
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = certificate.str();
  return grpc::CreateCustomChannel(address, grpc::SslCredentials(tls), arguments);
}

Streams::Streams(const harness::House& house, unsigned count, int port)
    : house_(house), grants_(bench::lease(connect(house, house.port()), static_cast<int>(count))) {
  for (unsigned run = 0; run < count; ++run)
    producers_.push_back(std::make_unique<Producer>(
        run, grants_[run], [&house, port] { return connect(house, port); }, options().seed + run));
}

std::uint64_t Streams::acknowledged() const {
  std::uint64_t sum = 0;
  for (const auto& producer : producers_) sum += producer->acknowledged();
  return sum;
}

std::uint64_t Streams::least_acknowledged() const {
  std::uint64_t least = UINT64_MAX;
  for (const auto& producer : producers_) least = std::min(least, producer->acknowledged());
  return least;
}

void Streams::expect_everything_once(const std::string& caption) {
  const auto direct = connect(house_, house_.port());
  Audit total;
  std::uint64_t acknowledged = 0;
  std::int64_t again = 0, connections = 0, silent = 0;
  for (const auto& producer : producers_) producer->stop_making();
  for (unsigned run = 0; run < producers_.size(); ++run) {
    const Producer::Report report = producers_[run]->finish();
    EXPECT_THAT(report.complaint, testing::IsEmpty());
    EXPECT_GT(report.acknowledged, 0u);
    acknowledged += report.acknowledged;
    again += report.sent_again;
    connections += report.connections;
    silent += report.silent;
    total += audit(direct, grants_[run].run(), run, report.acknowledged);
  }
  grpc::ClientContext context;
  v1::VerifyResponse verified;
  bench::require(v1::AdminService::NewStub(direct)->Verify(&context, {}, &verified), "Verify");
  EXPECT_THAT(verified.problems(), testing::IsEmpty());
  std::printf(
      "%s connections %lld silent %lld sent_again %lld acknowledged %llu values %lld lost %lld duplicated "
      "%lld changed "
      "%lld invented %lld\n",
      caption.c_str(), static_cast<long long>(connections), static_cast<long long>(silent),
      static_cast<long long>(again), static_cast<unsigned long long>(acknowledged),
      static_cast<long long>(total.values), static_cast<long long>(total.lost),
      static_cast<long long>(total.duplicated), static_cast<long long>(total.changed),
      static_cast<long long>(total.invented));
  EXPECT_GT(total.values, 0);
  EXPECT_TRUE(total.clean());
}

}  // namespace hooke::fault
