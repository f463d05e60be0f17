// A hooked of its own for a benchmark: the program, on loopback, in a temporary folder; and workers'
// streams to it.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "hooke/v1/admin.grpc.pb.h"
#include "hooke/v1/experiment.grpc.pb.h"
#include "hooke/v1/query.grpc.pb.h"
#include "hooke/v1/worker.grpc.pb.h"
#include "tests/integration/harness.h"

namespace hooke::bench {

// Throws std::runtime_error with what the call said.
void require(const grpc::Status& status, const std::string& what);

class Server {
 public:
  Server();
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // A channel of its own.
  std::shared_ptr<grpc::Channel> connect() const;
  std::filesystem::path database() const { return folder_ / "data" / "hooke.db"; }
  // Resident memory, bytes.
  std::int64_t memory() const;
  v1::Statistics statistics();
  pid_t pid() const { return process_->pid(); }
  // Ends the program in good order; the database is one file then.
  void stop();
  // Ends it by SIGKILL.
  void kill();
  // Starts it again on what it left.
  void start();

 private:
  std::filesystem::path folder_;
  int port_ = 0;
  std::unique_ptr<harness::Process> process_;
};

// Submits one experiment of at most 1,000 runs. Not thread-safe.
grpc::Status submit(const std::shared_ptr<grpc::Channel>& channel, int runs,
                    v1::SubmitExperimentResponse& submitted);

// Submits experiments of `runs` runs together, and leases each run. Not thread-safe.
std::vector<v1::LeaseGrant> lease(const std::shared_ptr<grpc::Channel>& channel, int runs);

// One attempt's stream, used from one thread.
class Stream {
 public:
  Stream(std::shared_ptr<grpc::Channel> channel, const v1::LeaseGrant& grant);

  // Numbers the records and sends them, no more than `window` before the last that is acknowledged.
  void send(v1::StreamRequest batch, std::uint64_t window = 20'000);
  // Until everything is acknowledged.
  void drain();
  void close();

 private:
  void read();

  std::unique_ptr<v1::WorkerService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::StreamRequest, v1::StreamResponse>> stream_;
  std::uint64_t sent_ = 0, committed_ = 0;
};

// Record 1, and the declaration of the one matrix series "elasticity/kl" of `classes` (0: none).
v1::StreamRequest first_records(int classes, std::int64_t steps);

// A matrix's planes, filled from `seed`.
std::string planes(int classes, std::int64_t seed);

}  // namespace hooke::bench
