// Producer: plays one attempt's trainer and agent. What its records hold follows from their numbers, so
// that what a server stores can be compared with what was sent, value by value.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>

#include "hooke/v1/worker.grpc.pb.h"

namespace hooke::fault {

// A new connection to the server, or to what stands before it.
using Connect = std::function<std::shared_ptr<grpc::Channel>()>;

// Record `number` of run `run`: 1 starts, 2 declares "elasticity/kl"; then, for each ten steps, ten records
// of two scalars (NaN and infinities among them), a matrix and a barrier.
v1::Record record_of(unsigned run, std::uint64_t number);

// The scalars "train/loss" (key 0) and "train/accuracy" (key 1).
double scalar_of(unsigned run, std::int64_t step, int key);
// The steps that records up to `number` hold: 0 to one less than this.
std::int64_t steps_of(std::uint64_t number);
// The matrices that they hold, at steps 9, 19, ….
std::int64_t matrices_of(std::uint64_t number);
std::string planes_of(unsigned run, std::int64_t step);

// Sends from a thread of its own, as fast as acknowledgements allow, over whatever befalls the connection:
// it connects again, asks what is committed, and goes on a little before that.
class Producer {
 public:
  // What it did and saw.
  struct Report {
    std::uint64_t acknowledged = 0;  // last record
    std::int64_t connections = 0;    // on which it got an answer
    std::int64_t silent = 0;         // streams that lived to their deadline with nothing heard at the end
    std::int64_t sent_again = 0;     // records that were acknowledged before they were sent
    std::string complaint;           // what must never happen; empty: it did not
  };

  Producer(unsigned run, v1::LeaseGrant grant, Connect connect, unsigned seed);
  ~Producer();  // gives up
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  std::uint64_t acknowledged() const { return acknowledged_; }
  // Makes no more records.
  void stop_making() { finishing_ = true; }
  // stop_making(); returns when all are acknowledged or something must not be.
  Report finish();

 private:
  void work();
  // One connection, to its end.
  void send(const std::shared_ptr<grpc::Channel>& channel);
  // Takes the answers; ends when the stream does.
  void receive(grpc::ClientReaderWriter<v1::StreamRequest, v1::StreamResponse>& stream);
  void complain(const std::string& what);
  bool complained() const;
  bool done() const { return finishing_ && acknowledged_ >= made_; }

  const unsigned run_;
  const v1::LeaseGrant grant_;
  const Connect connect_;
  std::minstd_rand random_;  // of the thread
  std::atomic<std::uint64_t> acknowledged_{0}, made_{0};
  std::atomic<std::chrono::steady_clock::time_point> heard_{};  // an answer
  std::atomic<bool> finishing_{false}, abandoned_{false}, broken_{false};
  mutable std::mutex mutex_;
  Report report_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace hooke::fault
