// HTTP beside gRPC: the services as JSON under the Connect protocol's rules, `/metrics`, the web
// app, and `/healthz`, which answers "ok" while the database does.
//
// Owned by server/app. Few threads serve every connection (coroutines); thread-safe but for the destructor.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/gateway/limits.h"

namespace grpc {
class Channel;
}

namespace hooke::gateway {

struct GatewayOptions {
  std::string address;  // host, as "127.0.0.1"
  int port = 0;         // 0: any
  // Throws when the database does not answer. Called from a thread of the gateway.
  std::function<void()> check;
  // Further lines for /metrics, in Prometheus's text format. Called from any thread.
  std::function<std::string()> more_metrics;
  // To the services, in process; callers' credentials are forwarded, no more.
  std::shared_ptr<grpc::Channel> channel;
  // Hosts that the server answers to beside `address` and loopback's; other sites whose pages may ask.
  std::vector<std::string> allow_hosts, allow_origins;
  // PEM; without a certificate HTTP is plain. With a client CA callers must show a certificate.
  std::string tls_cert, tls_key, tls_client_ca;
  Limits limits;
};

class Gateway {
 public:
  // Listens when it returns. Throws hooke::Error: kUnavailable when it cannot, kInvalidArgument for
  // names that are none, kFailedPrecondition for TLS files that do not fit.
  explicit Gateway(GatewayOptions options);
  // Stops: see stop().
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  int port() const;
  // Of connections to come; the ones that there are keep theirs. REQUIRES: there was a certificate.
  // Throws kFailedPrecondition when they do not fit, and changes nothing.
  void set_tls(const std::string& cert, const std::string& key, const std::string& client_ca);
  // Lets answers that are being given end, for a second, then ends everything. Idempotent.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hooke::gateway
