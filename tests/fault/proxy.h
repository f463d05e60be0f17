// Proxy: stands between a worker and a server on loopback and treats their bytes as a bad network would.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

namespace hooke::fault {

// What befalls a connection. Of each kind one in so many pieces (of up to 16 KiB); 0: never.
struct Weather {
  int cut = 0;         // closed at once
  int cut_inside = 0;  // half of the piece goes on, then closed
  int half_close = 0;  // this direction ends, the other goes on
  int delay = 0;       // by up to `longest_delay`
  int trickle = 0;     // byte by byte for the first hundred
  int twin = 0;        // of connections: the server gets it twice at once, and one of its answers is dropped
  int repeat = 0;      // sent twice, as no network does that keeps TCP's promises
  std::chrono::milliseconds longest_delay{50};
};

class Proxy {
 public:
  // Listens on a free port of 127.0.0.1; `port()`'s callers are led to 127.0.0.1:`target`.
  Proxy(int target, Weather weather, unsigned seed);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  int port() const { return port_; }
  std::int64_t connections() const { return connections_; }
  std::int64_t faults() const { return faults_; }

 private:
  void accept_all();
  void lead(int client, unsigned seed);

  int listener_ = -1;
  int port_ = 0;
  const int target_;
  const Weather weather_;
  std::minstd_rand seeds_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> connections_{0}, faults_{0};
  std::vector<std::thread>
      threads_;  // of connections; used by the accepting thread, and by the destructor after it
  std::thread accepting_;
};

}  // namespace hooke::fault
