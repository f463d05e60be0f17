// One simulated worker: what hooke-worker says to a server, without a trainer. It leases a run, streams a
// recording into it at its pace, sends heartbeats, finishes, and leases the next; what fails it tries again
// as a real worker does.
//
// gRPC's callbacks and the fleet's thread call it; nothing here blocks. Owned by Fleet, which destroys it
// once idle() holds.
#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hooke/v1/worker.grpc.pb.h"
#include "tests/bench/recording.h"
#include "tests/bench/tally.h"

namespace hooke::bench {

// What was acknowledged of one attempt.
struct Played {
  std::string run;  // resource name
  std::string run_id;
  std::int32_t attempt = 0;
  const Recording* recording = nullptr;
  std::uint64_t acknowledged = 0;  // last record
};

class SimulatedWorker {
 public:
  using Clock = std::chrono::steady_clock;
  struct Part {
    const Recording& recording;
    double speed;  // times the recorded pace; 0: as fast as acknowledgements allow
    Tally& tally;
    std::function<void()> wake;  // asks for advance(); called with the worker's mutex held
  };

  SimulatedWorker(std::string name, std::shared_ptr<grpc::Channel> channel, Part part);
  ~SimulatedWorker();
  SimulatedWorker(const SimulatedWorker&) = delete;
  SimulatedWorker& operator=(const SimulatedWorker&) = delete;

  // Does what is due. When to call again; absent: when it wakes.
  std::optional<Clock::time_point> advance(Clock::time_point now);
  // Ends every call.
  void stop();
  // Whether no call is under way.
  bool idle();
  // Every attempt so far, the one that is played included.
  std::vector<Played> played();

 private:
  class Stream;
  template <class Request, class Response>
  struct Call;
  template <class Request, class Response>
  using Method = void (v1::WorkerService::Stub::async::*)(grpc::ClientContext*, const Request*, Response*,
                                                          std::function<void(grpc::Status)>);

  // All with mutex_ held.
  template <class Request, class Response, class Done>
  void call(const char* name, Method<Request, Response> method, Request request, Done done);
  void lease();
  void leased(const grpc::Status& status, const v1::LeaseResponse& response);
  void beat(Clock::time_point now);
  void open();
  std::optional<Clock::time_point> play(Clock::time_point now);
  void finish();
  void retry_later();
  v1::AttemptRef attempt() const;

  // The stream's; they take mutex_.
  void answered(std::uint64_t committed);
  void written();
  void stream_ended(const grpc::Status& status);

  const std::string name_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::WorkerService::Stub> stub_;
  const Part part_;

  std::mutex mutex_;  // of everything below; held while calling gRPC, whose callbacks come on its own threads
  bool stopped_ = false;
  std::vector<grpc::ClientContext*> contexts_;  // of the unary calls under way
  std::uint64_t leases_ = 0;
  bool leasing_ = false, beating_ = false, finishing_ = false;
  bool whole_ = false;  // all of the run is acknowledged, and its stream closed
  Clock::time_point next_try_, next_beat_;
  std::chrono::milliseconds pause_{0};
  // The run that is played.
  std::optional<v1::LeaseGrant> grant_;
  std::unique_ptr<Stream> stream_;
  bool opened_ = false;  // the stream's first answer has come
  Clock::time_point opened_at_;
  std::optional<Clock::time_point> begun_;  // of the run, when its first stream was open
  std::uint64_t sent_ = 0, due_ = 0;        // last records
  std::deque<std::pair<std::uint64_t, Clock::time_point>> unanswered_;  // last records of batches
  std::vector<Played> played_;
};

}  // namespace hooke::bench
