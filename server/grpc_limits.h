// What gRPC's callers may take of this process.
#pragma once

#include <grpcpp/server_builder.h>

#include <cstddef>

namespace hooke {

// Readers' streams, those of one of them, and workers': neither kind takes the other's places.
inline constexpr std::size_t kMostFeeds = 1'000;
inline constexpr std::size_t kMostFeedsOfOne = 120;
inline constexpr std::size_t kMostWorkerStreams = 20'000;

// Of messages, heads, connections, streams, memory and threads.
void add_limits(grpc::ServerBuilder& builder);

// How many descriptors connections may take; raises the process's own limit where it may.
int most_grpc_descriptors();

}  // namespace hooke
