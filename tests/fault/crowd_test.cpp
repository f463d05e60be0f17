// Many streams at once, clients that never read, and a long queue.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <set>
#include <thread>

#include "hooke/v1/experiment.grpc.pb.h"
#include "hooke/v1/query.grpc.pb.h"
#include "tests/bench/bench_server.h"
#include "tests/fault/looker.h"
#include "tests/fault/options.h"
#include "tests/fault/process_state.h"
#include "tests/fault/streams.h"

namespace hooke::fault {
namespace {

using harness::eventually;
using harness::House;
using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point begun) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begun).count();
}

// What a server holds back for a stream whose client does not take it: one step of messages, and buffers.
constexpr double kMostForOneMib = 8;

// An attempt whose worker says nothing.
class IdleStream {
 public:
  IdleStream(const std::shared_ptr<grpc::Channel>& channel, const v1::LeaseGrant& grant)
      : stub_(v1::WorkerService::NewStub(channel)), stream_(stub_->Stream(&context_)) {
    v1::StreamRequest request;
    request.mutable_open()->set_run(grant.run_id());
    request.mutable_open()->set_attempt(grant.attempt());
    request.mutable_open()->set_token(grant.token());
    stream_->Write(request);
  }
  ~IdleStream() {
    context_.TryCancel();
    stream_->Finish();
  }
  // The last record that the server says it has; nullopt: the stream is over.
  std::optional<std::uint64_t> answer() {
    v1::StreamResponse response;
    return stream_->Read(&response) ? std::optional(response.committed_record()) : std::nullopt;
  }
  void send_first_record() {
    v1::StreamRequest request;
    *request.mutable_batch()->add_records() = record_of(0, 1);
    stream_->Write(request);
  }

 private:
  std::unique_ptr<v1::WorkerService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::StreamRequest, v1::StreamResponse>> stream_;
};

TEST(Crowd, OfIdleAndBusyStreamsIsServedAndNothingIsLost) {
  const int busy_count = std::max(1, options().streams / 6), idle_count = options().streams - busy_count;
  House house({.lease_period_s = 600, .auth = false});
  house.start_server();
  const double before_mib = memory_mib(house.server().pid());
  std::vector<std::unique_ptr<IdleStream>> idle;
  for (const v1::LeaseGrant& grant : bench::lease(connect(house, house.port()), idle_count)) {
    idle.push_back(std::make_unique<IdleStream>(connect(house, house.port()), grant));
    ASSERT_EQ(idle.back()->answer(), 0u) << "stream " << idle.size();
  }
  const double idle_mib = memory_mib(house.server().pid());
  Streams busy(house, static_cast<unsigned>(busy_count), house.port());
  ASSERT_TRUE(eventually([&] { return busy.least_acknowledged() > 100; }, std::chrono::seconds(240)));
  Looker looker(connect(house, house.port()), busy.run(0));
  const auto begun = Clock::now();
  EXPECT_TRUE(eventually([&] { return looker.sees_all(); }));
  std::printf(
      "idle %d busy %d; memory MiB %.0f, with the idle %.0f, with all %.0f; handles %lld; looked in %.0f "
      "ms\n",
      idle_count, busy_count, before_mib, idle_mib, memory_mib(house.server().pid()),
      static_cast<long long>(handles(house.server().pid())), ms_since(begun));
  for (const auto& stream : idle) stream->send_first_record();
  for (const auto& stream : idle) ASSERT_EQ(stream->answer(), 1u) << "an idle stream was forgotten";
  busy.expect_everything_once("a crowd of " + std::to_string(options().streams) + ":");
}

// A POST whose answer nobody reads.
class DeafBrowser {
 public:
  DeafBrowser(int port, const std::string& method, const std::string& json)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int small = 4096;
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const std::string request =
        "POST /" + method + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
        "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(json.size()) + "\r\n\r\n" +
        json;
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::send(socket_, request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
  }
  ~DeafBrowser() { ::close(socket_); }
  DeafBrowser(const DeafBrowser&) = delete;
  DeafBrowser& operator=(const DeafBrowser&) = delete;

 private:
  const int socket_;
};

// Opens server streams and never reads from them.
class DeafClient {
 public:
  DeafClient(const std::shared_ptr<grpc::Channel>& channel, const std::string& run)
      : queries_(v1::QueryService::NewStub(channel)), runs_(v1::ExperimentService::NewStub(channel)) {
    v1::TailRequest tail;
    tail.add_names(run);
    tail_ = queries_->Tail(&contexts_[0], tail);
    v1::ExportRunRequest all;
    all.set_run(run);
    export_ = queries_->ExportRun(&contexts_[1], all);
    v1::WatchRunsRequest watch;
    watch.add_names(run);
    watch_ = runs_->WatchRuns(&contexts_[2], watch);
  }
  ~DeafClient() {
    for (grpc::ClientContext& context : contexts_) context.TryCancel();
    tail_->Finish();
    export_->Finish();
    watch_->Finish();
  }
  DeafClient(const DeafClient&) = delete;
  DeafClient& operator=(const DeafClient&) = delete;

 private:
  std::unique_ptr<v1::QueryService::Stub> queries_;
  std::unique_ptr<v1::ExperimentService::Stub> runs_;
  grpc::ClientContext contexts_[3];
  std::unique_ptr<grpc::ClientReader<v1::TailResponse>> tail_;
  std::unique_ptr<grpc::ClientReader<v1::ExportRunResponse>> export_;
  std::unique_ptr<grpc::ClientReader<v1::WatchRunsResponse>> watch_;
};

TEST(Crowd, OfClientsThatNeverReadCostsLittleMemoryAndHoldsUpNobody) {
  constexpr int kDeaf = 20;
  constexpr std::uint64_t kMuch = 60'000;
  House house({.auth = false});
  house.start_server();
  Streams streams(house, 2, house.port());
  ASSERT_TRUE(eventually([&] { return streams.least_acknowledged() > kMuch; }, std::chrono::seconds(240)));
  Looker looker(connect(house, house.port()), streams.run(0));
  ASSERT_TRUE(eventually([&] { return looker.sees_all(); }));
  const double before_mib = memory_mib(house.server().pid());
  double most_mib = before_mib;
  {
    std::vector<std::unique_ptr<DeafClient>> clients;
    std::vector<std::unique_ptr<DeafBrowser>> browsers;
    for (int i = 0; i < kDeaf; ++i) {
      clients.push_back(std::make_unique<DeafClient>(connect(house, house.port()), streams.run(0)));
      browsers.push_back(std::make_unique<DeafBrowser>(
          house.http_port(), "hooke.v1.QueryService/GetSeries",
          "{\"run\": \"" + streams.run(0) + "\", \"keys\": [\"train/loss\", \"train/accuracy\"]}"));
    }
    for (int look = 0; look < 5; ++look) {
      const std::uint64_t acknowledged = streams.acknowledged();
      EXPECT_TRUE(eventually([&] { return streams.acknowledged() > acknowledged; })) << "workers wait";
      looker.look();
      EXPECT_EQ(looker.wrong, "");
      std::this_thread::sleep_for(std::chrono::milliseconds(500));
      most_mib = std::max(most_mib, memory_mib(house.server().pid()));
    }
  }
  std::printf("clients that never read: %d of each; memory MiB %.0f, with them %.0f\n", kDeaf, before_mib,
              most_mib);
  // A sanitizer remembers, too, what memory was for.
  EXPECT_LT(most_mib - before_mib, 4 * kDeaf * kMostForOneMib * harness::patience());
  streams.expect_everything_once("beside clients that never read:");
}

v1::ListRunsResponse list(v1::ExperimentService::Stub& stub, const std::string& filter,
                          const std::string& token) {
  grpc::ClientContext context;
  v1::ListRunsRequest request;
  request.set_parent("experiments/-");
  request.set_page_size(1000);
  request.set_filter(filter);
  request.set_page_token(token);
  v1::ListRunsResponse response;
  bench::require(stub.ListRuns(&context, request, &response), "ListRuns");
  return response;
}

std::size_t count(v1::ExperimentService::Stub& stub, const std::string& filter) {
  std::set<std::string> names;
  std::string token;
  do {
    const auto page = list(stub, filter, token);
    for (const v1::Run& run : page.runs()) EXPECT_TRUE(names.insert(run.name()).second) << "twice in a list";
    token = page.next_page_token();
  } while (!token.empty());
  return names.size();
}

TEST(Crowd, OfQueuedRunsIsLeasedOldestFirstAndListedWhole) {
  constexpr int kOfOneSubmit = 500, kLeases = 100;
  House house({.auth = false});
  house.start_server();
  const auto channel = connect(house, house.port());
  const auto runs = v1::ExperimentService::NewStub(channel);
  const auto workers = v1::WorkerService::NewStub(channel);
  std::vector<std::string> submitted;
  auto begun = Clock::now();
  while (static_cast<int>(submitted.size()) < options().queued) {
    v1::SubmitExperimentRequest request;
    request.set_request_id("submit-" + std::to_string(submitted.size()));
    request.set_experiment_id("queued");
    request.mutable_config()->mutable_data()->set_set(v1::DATA_SET_GAUSSIANS);
    request.mutable_config()->mutable_model()->set_type(v1::MODEL_TYPE_LINEAR);
    for (int seed = 0; seed < kOfOneSubmit; ++seed) request.add_seeds(seed);
    grpc::ClientContext context;
    v1::SubmitExperimentResponse response;
    bench::require(runs->SubmitExperiment(&context, request, &response), "submit");
    for (const v1::Run& run : response.runs()) submitted.push_back(run.run_id());
  }
  const double submit_ms = ms_since(begun) / static_cast<double>(submitted.size());
  begun = Clock::now();
  for (int i = 0; i < kLeases; ++i) {
    grpc::ClientContext context;
    v1::LeaseRequest request;
    request.set_request_id("lease-" + std::to_string(i));
    request.set_worker("worker-" + std::to_string(i));
    v1::LeaseResponse response;
    bench::require(workers->Lease(&context, request, &response), "lease");
    EXPECT_EQ(response.grant().run_id(), submitted[static_cast<std::size_t>(i)]) << "lease " << i;
  }
  const double lease_ms = ms_since(begun) / kLeases;
  begun = Clock::now();
  list(*runs, "", "");
  const double list_ms = ms_since(begun);
  EXPECT_EQ(count(*runs, ""), submitted.size());
  EXPECT_EQ(count(*runs, "state = QUEUED"), submitted.size() - kLeases);
  EXPECT_EQ(count(*runs, "state = RUNNING"), static_cast<std::size_t>(kLeases));
  std::printf("queued %zu: submit %.2f ms a run, lease %.1f ms, list of 1000 %.0f ms\n", submitted.size(),
              submit_ms, lease_ms, list_ms);
}

}  // namespace
}  // namespace hooke::fault
