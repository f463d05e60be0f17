// Runs as they change, for commands that wait: reads the server's stream and outlives its restarts.
//
// Owned by one command; one thread of its own, which reads; next() is for the owner's thread alone.
// Lock order: there is one mutex.
#pragma once

#include <chrono>
#include <condition_variable>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "client/cli/api.h"

namespace hooke::cli {

class RunFeed {
 public:
  // The runs now, in the order in which they were given.
  struct View {
    std::vector<v1::Run> runs;
    bool connected = true;  // false: the server is away; the runs are as last heard
    bool all_final = false;
  };

  // REQUIRES: at least one run; `api` outlives the feed.
  RunFeed(Api& api, std::vector<v1::Run> runs);
  ~RunFeed();

  RunFeed(const RunFeed&) = delete;
  RunFeed& operator=(const RunFeed&) = delete;

  // Waits until something has changed since the last call, or for `timeout`. The first call
  // answers at once. Throws hooke::Error when the stream ended for good.
  View next(std::chrono::milliseconds timeout);

 private:
  void read_until_stopped();
  // One stream, from open to end. Throws hooke::Error.
  void read_stream();
  void store(const v1::Run& run);
  bool all_final() const;

  Api& api_;
  std::vector<std::string> names_;

  mutable std::mutex mutex_;  // guards everything below
  std::condition_variable changed_;
  std::map<std::string, v1::Run> runs_;
  std::unique_ptr<RunStream> stream_;
  std::exception_ptr error_;
  bool connected_ = true;
  bool dirty_ = true;
  bool stopped_ = false;

  std::thread reader_;
};

}  // namespace hooke::cli
