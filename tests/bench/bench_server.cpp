#include "tests/bench/bench_server.h"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace hooke::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kDeadline{60};
constexpr milliseconds kPoll{20};

struct Context : grpc::ClientContext {
  Context() { set_deadline(std::chrono::system_clock::now() + kDeadline); }
};

}  // namespace

void require(const grpc::Status& status, const std::string& what) {
  if (!status.ok()) throw std::runtime_error(what + ": " + status.error_message());
}

Server::Server() {
  std::string name = (std::filesystem::temp_directory_path() / "hooke-bench-XXXXXX").string();
  if (!::mkdtemp(name.data())) throw std::runtime_error("cannot make a folder like " + name);
  folder_ = name;
  start();
}

void Server::start() {
  const auto ports = folder_ / "ports";
  std::filesystem::remove(ports);
  process_ = std::make_unique<harness::Process>(
      std::vector<std::string>{harness::program("hooked").string(), "--data", (folder_ / "data").string(),
                               "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--no-auth", "--port-file",
                               ports.string(), "--log-level", "warn"},
      harness::Environment{}, folder_ / "hooked");
  for (const auto end = std::chrono::steady_clock::now() + kDeadline;
       std::chrono::steady_clock::now() < end;) {
    if (std::ifstream(ports) >> port_) return;
    if (!process_->running()) break;
    std::this_thread::sleep_for(kPoll);
  }
  throw std::runtime_error("hooked did not start: " + process_->err());
}

void Server::stop() {
  process_->signal(SIGTERM);
  if (process_->wait(milliseconds(kDeadline)) != 0)
    throw std::runtime_error("hooked did not stop: " + process_->err());
}

void Server::kill() {
  process_->signal(SIGKILL);
  process_->wait(milliseconds(kDeadline));
}

Server::~Server() {
  process_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::shared_ptr<grpc::Channel> Server::connect() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(64 << 20);
  return grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port_), grpc::InsecureChannelCredentials(),
                                   arguments);
}

std::int64_t Server::memory() const {
  std::ifstream status("/proc/" + std::to_string(process_->pid()) + "/status");
  for (std::string word; status >> word;) {
    std::int64_t kilobytes = 0;
    if (word == "VmRSS:" && status >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

v1::Statistics Server::statistics() {
  Context context;
  v1::Statistics statistics;
  require(v1::AdminService::NewStub(connect())->GetStatistics(&context, {}, &statistics), "GetStatistics");
  return statistics;
}

grpc::Status submit(const std::shared_ptr<grpc::Channel>& channel, int runs,
                    v1::SubmitExperimentResponse& submitted) {
  static int number = 0;
  v1::SubmitExperimentRequest request;
  request.set_request_id("submit-" + std::to_string(++number));
  request.set_experiment_id("bench");
  request.mutable_config()->mutable_data()->set_set(v1::DATA_SET_GAUSSIANS);
  request.mutable_config()->mutable_model()->set_type(v1::MODEL_TYPE_LINEAR);
  for (int seed = 0; seed < runs; ++seed) request.add_seeds(seed);
  Context context;
  return v1::ExperimentService::NewStub(channel)->SubmitExperiment(&context, request, &submitted);
}

std::vector<v1::LeaseGrant> lease(const std::shared_ptr<grpc::Channel>& channel, int runs) {
  constexpr int kRunsOfOne = 1000;
  const auto workers = v1::WorkerService::NewStub(channel);
  std::vector<v1::LeaseGrant> grants;
  for (int first = 0; first < runs; first += kRunsOfOne) {
    v1::SubmitExperimentResponse submitted;
    require(submit(channel, std::min(runs - first, kRunsOfOne), submitted), "submit");
    for (const v1::Run& run : submitted.runs()) {
      Context of_lease;
      v1::LeaseRequest request;
      request.set_request_id("lease-" + run.run_id());
      request.set_worker("worker-" + run.run_id());
      request.set_run(run.run_id());
      v1::LeaseResponse response;
      require(workers->Lease(&of_lease, request, &response), "lease");
      grants.push_back(response.grant());
    }
  }
  return grants;
}

Stream::Stream(std::shared_ptr<grpc::Channel> channel, const v1::LeaseGrant& grant)
    : stub_(v1::WorkerService::NewStub(std::move(channel))), stream_(stub_->Stream(&context_)) {
  v1::StreamRequest open;
  open.mutable_open()->set_run(grant.run_id());
  open.mutable_open()->set_attempt(grant.attempt());
  open.mutable_open()->set_token(grant.token());
  stream_->Write(open);
  read();
  sent_ = committed_;
}

void Stream::read() {
  v1::StreamResponse response;
  if (!stream_->Read(&response)) require(stream_->Finish(), "a stream");
  committed_ = response.committed_record();
}

void Stream::send(v1::StreamRequest batch, std::uint64_t window) {
  for (v1::Record& record : *batch.mutable_batch()->mutable_records()) record.set_number(++sent_);
  while (sent_ > committed_ + window) read();
  if (!stream_->Write(batch)) require(stream_->Finish(), "a stream");
}

void Stream::drain() {
  while (committed_ < sent_) read();
}

void Stream::close() {
  stream_->WritesDone();
  v1::StreamResponse response;
  while (stream_->Read(&response)) continue;
  require(stream_->Finish(), "a stream");
}

v1::StreamRequest first_records(int classes, std::int64_t steps) {
  v1::StreamRequest request;
  request.mutable_batch()->add_records()->mutable_attempt_start()->set_total_steps(steps);
  if (classes == 0) return request;
  auto& series = *request.mutable_batch()->add_records()->mutable_series_declaration();
  series.set_key("elasticity/kl");
  series.set_kind(v1::SERIES_KIND_MATRIX);
  for (int c = 0; c < classes; ++c) series.add_class_names("class-" + std::to_string(c));
  for (int cell = 0; cell < classes * classes; ++cell) series.add_eligible(400);
  return request;
}

std::string planes(int classes, std::int64_t seed) {
  const int cells = classes * classes;
  std::string bytes;
  for (int k = 0; k < 3 * cells; ++k) {
    const auto value = static_cast<float>(1 + 0.5 * std::sin(static_cast<double>(seed * 7919 + k)));
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  return bytes.append(static_cast<std::size_t>(2 * cells) * sizeof(std::uint32_t), '\0');
}

}  // namespace hooke::bench
