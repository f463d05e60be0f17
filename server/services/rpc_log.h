// What every RPC has in common, health and reflection included: a line in the log when it ends, a
// count of it, and the server's version in the metadata that begins the answer; a caller of another major
// version is named. It also closes reflection,
// whose code is gRPC's own, to callers without a token: its requests arrive empty and it ends
// UNAUTHENTICATED.
//
// One interceptor per RPC, used by one thread at a time.
#pragma once

#include <grpcpp/support/server_interceptor.h>

#include <memory>

#include "server/services/gate.h"
#include "server/services/rpc_counts.h"

namespace hooke::services {

// For grpc::ServerBuilder. Both must outlive the server.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> make_rpc_log(const Gate& gate,
                                                                                    RpcCounts& counts);

}  // namespace hooke::services
