// A whole server in process, on loopback, with a worker's and a user's verbs.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hooke/v1/access.grpc.pb.h"
#include "hooke/v1/admin.grpc.pb.h"
#include "hooke/v1/experiment.grpc.pb.h"
#include "hooke/v1/query.grpc.pb.h"
#include "hooke/v1/worker.grpc.pb.h"
#include "server/app.h"

namespace hooke::services {

// A context with a deadline, and with the token when one is given.
struct Context : grpc::ClientContext {
  explicit Context(const std::string& token = {}, std::chrono::seconds deadline = std::chrono::seconds(20));
};

class House {
 public:
  explicit House(bool auth = false, AppOptions options = {});
  ~House();

  App& app() { return *app_; }
  std::string token() const;
  std::filesystem::path database() const { return folder_ / "hooke.db"; }
  std::shared_ptr<grpc::Channel> channel() const { return channel_; }

  // A configuration that can be submitted.
  static v1::RunConfig config();
  // Submits with this many seeds; ids of the runs.
  std::vector<std::string> submit(int seeds = 1, const std::string& name = "trial");
  v1::LeaseGrant lease(const std::string& run = {});
  // A segment of a run that was made without a server; `edit` changes the request.
  grpc::Status lease_segment(const std::string& uuid, int segment, v1::LeaseGrant& grant,
                             const std::function<void(v1::LeaseRequest&)>& edit = {});
  v1::Run run(const std::string& id);

  std::unique_ptr<v1::ExperimentService::Stub> experiments;
  std::unique_ptr<v1::WorkerService::Stub> workers;
  std::unique_ptr<v1::QueryService::Stub> queries;
  std::unique_ptr<v1::AdminService::Stub> admin;
  std::unique_ptr<v1::AccessService::Stub> access;

 private:
  std::filesystem::path folder_;
  std::unique_ptr<App> app_;
  std::shared_ptr<grpc::Channel> channel_;
};

// One attempt's stream, as a worker has it.
class WorkerEnd {
 public:
  WorkerEnd(House& house, const v1::LeaseGrant& grant);

  // Each adds one record to the next batch.
  WorkerEnd& start(std::int64_t total_steps, std::optional<std::int64_t> resume_step = {});
  WorkerEnd& start_segment(const std::string& uuid, int segment, std::uint64_t predecessor_last_record,
                           std::optional<std::int64_t> resume_step = {});
  WorkerEnd& declare(const std::string& key, const std::vector<std::string>& classes, std::int64_t eligible);
  WorkerEnd& scalar(const std::string& key, std::int64_t step, double value);
  // A matrix whose means are these; ratio of means ten times as much, sd 0.5, nothing skipped.
  WorkerEnd& matrix(const std::string& key, std::int64_t step, const std::vector<float>& means);
  WorkerEnd& declare_pairs(const std::string& key, const std::vector<std::string>& classes, int per_class);
  // Rows of a table from `first` on; all denominators are 2.
  WorkerEnd& pairs(const std::string& key, std::int64_t step, int first, const std::vector<float>& rows);
  // Which examples the probes of class "a", "b" … are.
  WorkerEnd& probes(const std::vector<std::vector<std::int64_t>>& indices);
  WorkerEnd& barrier(std::int64_t step);
  WorkerEnd& succeed();
  WorkerEnd& fail(const std::string& why);

  // Sends the batch and waits until it is on disk; false when the stream ended instead.
  bool commit();
  // The last record on disk, as far as this stream was told.
  std::uint64_t committed() const { return last_; }
  // Closes the stream and returns how it ended.
  grpc::Status close();
  grpc::Status finish(v1::Outcome outcome);

 private:
  v1::Record& add();

  House& house_;
  v1::AttemptRef attempt_;
  Context context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::StreamRequest, v1::StreamResponse>> stream_;
  v1::RecordBatch batch_;
  std::uint64_t last_ = 0;
  std::size_t pair_probes_ = 0;  // of the pairs that were declared last
};

}  // namespace hooke::services
