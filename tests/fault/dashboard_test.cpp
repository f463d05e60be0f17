// People look while workers write at full rate.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <mutex>
#include <thread>
#include <utility>

#include "hooke/v1/experiment.grpc.pb.h"
#include "hooke/v1/query.grpc.pb.h"
#include "tests/fault/streams.h"

namespace hooke::fault {
namespace {

using harness::House;

constexpr unsigned kProducers = 3;
constexpr int kLookers = 3;
constexpr std::chrono::seconds kTime{3};

// What one person asks for, over and over, and the first answer that was wrong.
class Looker {
 public:
  Looker(std::shared_ptr<grpc::Channel> channel, std::string run)
      : runs_(v1::ExperimentService::NewStub(channel)),
        queries_(v1::QueryService::NewStub(channel)),
        run_(std::move(run)) {}

  void look() {
    ask("ListRuns", [&](grpc::ClientContext* context) {
      v1::ListRunsRequest request;
      request.set_parent("experiments/-");
      v1::ListRunsResponse response;
      return runs_->ListRuns(context, request, &response);
    });
    ask("ListSeries", [&](grpc::ClientContext* context) {
      v1::ListSeriesRequest request;
      request.set_run(run_);
      v1::ListSeriesResponse response;
      return queries_->ListSeries(context, request, &response);
    });
    v1::GetSeriesRequest request;
    request.set_run(run_);
    request.add_keys("train/loss");
    request.add_keys("train/accuracy");
    request.set_points(1000);
    v1::GetSeriesResponse response;
    ask("GetSeries",
        [&](grpc::ClientContext* context) { return queries_->GetSeries(context, request, &response); });
    // Each record holds a value of both.
    if (wrong.empty() &&
        (response.columns_size() != 2 || response.columns(0).count() != response.columns(1).count()))
      wrong = "GetSeries showed half of a transaction";
    ask("GetInfluence", [&](grpc::ClientContext* context) {
      v1::GetInfluenceRequest influence;
      influence.set_parent(run_);
      influence.set_measure("kl");
      v1::GetInfluenceResponse answer;
      return queries_->GetInfluence(context, influence, &answer);
    });
  }

  // Whether every call has an answer; before anything is measured some are refused.
  bool sees_all() {
    look();
    answers = 0;
    return std::exchange(wrong, "").empty();
  }

  int answers = 0;
  std::string wrong;

 private:
  template <class Call>
  void ask(const char* name, Call call) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    const grpc::Status status = call(&context);
    ++answers;
    if (!status.ok() && wrong.empty()) wrong = std::string(name) + ": " + status.error_message();
  }

  std::unique_ptr<v1::ExperimentService::Stub> runs_;
  std::unique_ptr<v1::QueryService::Stub> queries_;
  const std::string run_;
};

TEST(Dashboard, SeesWholeTransactionsAndNeverALockedDatabaseWhileWorkersWrite) {
  House house({.auth = false});
  house.start_server();
  Streams streams(house, kProducers, house.port());
  std::vector<Looker> lookers;
  for (int i = 0; i < kLookers; ++i)
    lookers.emplace_back(connect(house, house.port()), streams.run(static_cast<unsigned>(i)));
  for (Looker& looker : lookers)
    ASSERT_TRUE(harness::eventually([&] { return looker.sees_all(); })) << "nothing to look at";
  const std::uint64_t before = streams.acknowledged();
  std::atomic<bool> enough{false};
  std::vector<std::thread> threads;
  for (Looker& looker : lookers)
    threads.emplace_back([&] {
      while (!enough && looker.wrong.empty()) looker.look();
    });
  std::this_thread::sleep_for(kTime);
  enough = true;
  for (std::thread& thread : threads) thread.join();
  int answers = 0;
  for (const Looker& looker : lookers) {
    EXPECT_EQ(looker.wrong, "");
    answers += looker.answers;
  }
  EXPECT_GT(streams.acknowledged(), before) << "nothing was written meanwhile";
  streams.expect_everything_once("answers " + std::to_string(answers) + " meanwhile");
}

}  // namespace
}  // namespace hooke::fault
