// Listens for gRPC and hands its connections over, since gRPC's own listener (1.51) is deaf for good once a
// connection came when no descriptor was left.
//
// A connection that would take one of the last descriptors is closed: the database and HTTP go on. One
// thread, between start() and stop().
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "server/address.h"

namespace hooke {

class Listener {
 public:
  // Listens on every address that the host stands for; port 0: any. Descriptors from `most` on are not taken.
  // Throws hooke::Error (kUnavailable) when it cannot.
  Listener(const Address& address, int most);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  int port() const { return port_; }

  // Calls `take` with each connection, which is its from then on.
  void start(std::function<void(int descriptor)> take);
  // No connection is taken any more, and the port is free. Idempotent.
  void stop();

 private:
  void run();
  // False when it cannot, and should be left alone for a moment.
  bool accept_from(int socket);

  const int most_;
  const int wake_;  // an eventfd, for stop()
  std::vector<int> sockets_;
  int port_ = 0;
  std::function<void(int)> take_;
  std::thread thread_;
};

// Descriptors that this process may have: raises its limit to what may be raised, but not beyond `enough`.
int raise_descriptor_limit(int enough);

}  // namespace hooke
