#include "server/grpc_limits.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "proto/hooke/channel.h"
#include "server/gateway/gateway.h"
#include "server/listener.h"

namespace hooke {
namespace {

constexpr int kUnaryPollers = 2;
constexpr int kMostThreads = 128;
constexpr std::size_t kMostGrpcBytes = std::size_t{1} << 30;
constexpr int kMostStreamsPerConnection = 256;
// Of one head of a call: a token has at most 1 KiB.
constexpr int kMostMetadataBytes = 8 << 10;
// Until the first frames of a connection, TLS included, have come.
constexpr int kHandshakeMs = 10'000;
// A connection without calls is closed, an old one once its calls have ended. Clients come back by
// themselves.
constexpr int kIdleMs = 30 * 60'000;
constexpr int kAgeMs = 12 * 60 * 60'000;
// Descriptors of this process, and those that gRPC's connections leave to HTTP's, the database and what else
// there is, where there are that many.
constexpr int kMostDescriptors = 65'536;
constexpr int kOtherDescriptors = static_cast<int>(gateway::Limits{}.connections) + 200;

// HTTP's calls all come by one connection.
static_assert(gateway::Limits{}.calls + gateway::Limits{}.streams < kMostStreamsPerConnection);
// One reader leaves places over HTTP to others.
static_assert(kMostFeedsOfOne < gateway::Limits{}.streams);

}  // namespace

void add_limits(grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
  // That is of a message's bytes as they come: a compressed one may hold any number. Hooke's programs
  // compress none.
  for (const auto algorithm : {GRPC_COMPRESS_DEFLATE, GRPC_COMPRESS_GZIP})
    builder.SetCompressionAlgorithmSupportStatus(algorithm, false);
  for (const auto& [name, value] : std::initializer_list<std::pair<const char*, int>>{
           {GRPC_ARG_MAX_METADATA_SIZE, kMostMetadataBytes},
           {GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeMs},
           {GRPC_ARG_MAX_CONNECTION_IDLE_MS, kIdleMs},
           {GRPC_ARG_MAX_CONNECTION_AGE_MS, kAgeMs},
           {GRPC_ARG_MAX_CONCURRENT_STREAMS, kMostStreamsPerConnection},
           {GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs},
           {GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs},
           {GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1},
           {GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kMinPingIntervalMs}})
    builder.AddChannelArgument(name, value);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, kUnaryPollers);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, kUnaryPollers * 2);
  grpc::ResourceQuota quota("hooked");
  quota.Resize(kMostGrpcBytes).SetMaxThreads(kMostThreads);
  builder.SetResourceQuota(quota);
}

int most_grpc_descriptors() {
  const int all = raise_descriptor_limit(kMostDescriptors);
  return all - std::min(kOtherDescriptors, all / 2);
}

}  // namespace hooke
