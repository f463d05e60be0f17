// HTTP beside gRPC: `/healthz`, which answers "ok" while the database does.
//
// Owned by server/app. One thread accepts, a few serve; thread-safe but for the destructor.
#pragma once

#include <functional>
#include <memory>
#include <string>

namespace hooke::gateway {

struct GatewayOptions {
  std::string address;  // host, as "127.0.0.1"
  int port = 0;         // 0: any
  // Throws when the database does not answer. Called from the gateway's threads.
  std::function<void()> check;
};

class Gateway {
 public:
  // Listens when it returns. Throws hooke::Error (kUnavailable) when it cannot.
  explicit Gateway(GatewayOptions options);
  // Stops: see stop().
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  int port() const;
  // Ends the requests that are being served, and the threads.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hooke::gateway
