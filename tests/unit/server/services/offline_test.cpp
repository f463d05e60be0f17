// Runs that were made without a server: segments, their order, their end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/hooke/status.h"
#include "tests/unit/server/services/house.h"

namespace hooke::services {
namespace {

using grpc::StatusCode;
using testing::HasSubstr;

constexpr const char* kUuid = "0f8fad5b-d9cb-469f-a165-70867728950e";

class Offline : public testing::Test {
 protected:
  v1::LeaseGrant lease(int segment, const std::string& uuid = kUuid) {
    v1::LeaseGrant grant;
    const auto status = house_.lease_segment(uuid, segment, grant);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return grant;
  }
  // Sends the batch and expects it to be refused.
  static void expect_refused(WorkerEnd& end, const std::vector<std::string>& words) {
    EXPECT_FALSE(end.commit());
    const auto status = end.close();
    EXPECT_EQ(status.error_code(), StatusCode::FAILED_PRECONDITION) << status.error_message();
    for (const auto& word : words) EXPECT_THAT(status.error_message(), HasSubstr(word));
  }
  void expect_bad(const std::function<void(v1::LeaseRequest&)>& edit, StatusCode code,
                  const std::vector<std::string>& words) {
    v1::LeaseGrant grant;
    const auto status = house_.lease_segment(kUuid, 1, grant, edit);
    EXPECT_EQ(status.error_code(), code) << status.error_message();
    for (const auto& word : words)
      EXPECT_THAT(describe(from_status(status)), HasSubstr(word)) << status.error_message();
  }
  std::vector<std::int64_t> steps(const v1::LeaseGrant& grant, const std::string& key) {
    v1::GetSeriesRequest request;
    request.set_run(grant.run());
    request.add_keys(key);
    v1::GetSeriesResponse response;
    Context context;
    const auto status = house_.queries->GetSeries(&context, request, &response);
    if (!status.ok() || response.columns().empty()) return {};
    return {response.columns(0).step().begin(), response.columns(0).step().end()};
  }

  House house_;
};

TEST_F(Offline, EverybodyGetsTheSameGrantAndSendingTwiceChangesNothing) {
  const auto grant = lease(1);
  EXPECT_EQ(grant.attempt(), 1);
  EXPECT_EQ(grant.committed_record(), 0u);
  v1::LeaseGrant again;
  ASSERT_TRUE(house_
                  .lease_segment(kUuid, 1, again,
                                 [](v1::LeaseRequest& request) {
                                   request.set_worker("another");
                                   request.set_request_id("another");
                                   request.mutable_offline()->set_uuid(
                                       "0F8FAD5B-D9CB-469F-A165-70867728950E");
                                 })
                  .ok());
  EXPECT_EQ(again.token(), grant.token());
  EXPECT_EQ(again.run(), grant.run());

  WorkerEnd first(house_, grant);
  ASSERT_TRUE(
      first.start_segment(kUuid, 1, 0).scalar("train/loss", 0, 1).scalar("train/loss", 1, 2).commit());
  // What the second sends is a part of that, and more.
  WorkerEnd second(house_, again);
  EXPECT_EQ(second.committed(), 3u);
  ASSERT_TRUE(second.scalar("train/loss", 2, 3).commit());
  ASSERT_TRUE(second.close().ok());
  ASSERT_TRUE(first.close().ok());
  EXPECT_EQ(steps(grant, "train/loss"), (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_EQ(lease(1).committed_record(), 4u);
  EXPECT_NE(lease(1, "0f8fad5b-d9cb-469f-a165-70867728950f").run(), grant.run());
}

TEST_F(Offline, IsRunningWithoutALeaseUntilItsEndRecord) {
  const auto grant = lease(1);
  WorkerEnd worker(house_, grant);
  ASSERT_TRUE(worker.start_segment(kUuid, 1, 0).scalar("train/loss", 0, 1).commit());
  v1::Run run = house_.run(grant.run_id());
  EXPECT_EQ(run.state(), v1::RUN_STATE_RUNNING);
  EXPECT_EQ(run.offline_id(), kUuid);
  EXPECT_EQ(run.record_time().seconds(), 1'700'000'000) << "when it was recorded, not when it was sent";
  // No worker is given it.
  v1::LeaseRequest request;
  request.set_request_id("pull");
  request.set_worker("puller");
  v1::LeaseResponse response;
  Context context;
  ASSERT_TRUE(house_.workers->Lease(&context, request, &response).ok());
  EXPECT_FALSE(response.has_grant());

  EXPECT_EQ(worker.finish(v1::OUTCOME_SUCCEEDED).error_code(), StatusCode::FAILED_PRECONDITION);
  ASSERT_TRUE(worker.succeed().commit());
  run = house_.run(grant.run_id());
  EXPECT_EQ(run.state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_EQ(run.attempt(), 1);
  EXPECT_EQ(lease(1).committed_record(), 3u);
  v1::LeaseGrant after;
  const auto status = house_.lease_segment(kUuid, 2, after);
  EXPECT_EQ(status.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("has ended"));
}

TEST_F(Offline, ASegmentWaitsForWhatComesBeforeIt) {
  const auto first = lease(1), second = lease(2);
  WorkerEnd one(house_, first);
  ASSERT_TRUE(one.start_segment(kUuid, 1, 0).scalar("train/loss", 0, 1).barrier(0).commit());
  {
    WorkerEnd two(house_, second);
    two.start_segment(kUuid, 2, 5, 0).scalar("train/loss", 1, 1);
    expect_refused(two, {"record 5 of segment 1", "record 4 and what follows are missing"});
  }
  // The first goes on: nothing has changed.
  ASSERT_TRUE(one.scalar("train/loss", 1, 1).scalar("train/loss", 2, 1).commit());
  WorkerEnd two(house_, second);
  ASSERT_TRUE(two.start_segment(kUuid, 2, 5, 0).scalar("train/loss", 1, 7).commit());
  EXPECT_EQ(steps(first, "train/loss"), (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(house_.run(first.run_id()).attempt(), 2);
  one.scalar("train/loss", 3, 1);
  expect_refused(one, {"superseded"});
  EXPECT_EQ(lease(1).committed_record(), 5u) << "whoever sends it again learns that all is here";
}

TEST_F(Offline, AResumeStepIsACommittedBarrier) {
  WorkerEnd one(house_, lease(1));
  ASSERT_TRUE(one.start_segment(kUuid, 1, 0).scalar("train/loss", 0, 1).barrier(0).commit());
  WorkerEnd two(house_, lease(2));
  two.start_segment(kUuid, 2, 3, 4);
  expect_refused(two, {"after step 4", "no committed barrier"});
}

TEST_F(Offline, TheRecordsOfAnotherRunOrSegmentAreRefusedAndTheRunGoesOn) {
  const auto grant = lease(1);
  WorkerEnd wrong(house_, grant);
  wrong.start_segment("00000000-0000-0000-0000-000000000000", 1, 0);
  expect_refused(wrong, {"run '00000000-0000-0000-0000-000000000000'", kUuid});
  WorkerEnd later(house_, grant);
  later.start_segment(kUuid, 2, 0);
  expect_refused(later, {"segment 2", "the grant is for 1"});
  WorkerEnd none(house_, grant);
  none.start(10);
  expect_refused(none, {"run ''"});
  EXPECT_EQ(house_.run(grant.run_id()).state(), v1::RUN_STATE_RUNNING);
  WorkerEnd right(house_, grant);
  EXPECT_TRUE(right.start_segment(kUuid, 1, 0).commit());
}

TEST_F(Offline, OneThatFailedGoesOnWithItsNextSegment) {
  const auto first = lease(1);
  WorkerEnd one(house_, first);
  ASSERT_TRUE(one.start_segment(kUuid, 1, 0).barrier(0).fail("disk full").commit());
  EXPECT_EQ(house_.run(first.run_id()).state(), v1::RUN_STATE_FAILED);
  EXPECT_THAT(house_.run(first.run_id()).reason().message(), HasSubstr("disk full"));
  {
    v1::RetryRunRequest request;
    request.set_name("experiments/-/runs/" + first.run_id());
    v1::Run run;
    Context context;
    const auto status = house_.experiments->RetryRun(&context, request, &run);
    EXPECT_EQ(status.error_code(), StatusCode::FAILED_PRECONDITION);
    EXPECT_THAT(status.error_message(), HasSubstr("hooke sync"));
  }
  const auto second = lease(2);
  EXPECT_EQ(house_.run(first.run_id()).state(), v1::RUN_STATE_FAILED) << "nothing of it is here yet";
  WorkerEnd two(house_, second);
  ASSERT_TRUE(two.start_segment(kUuid, 2, 3, 0).commit());
  EXPECT_EQ(house_.run(first.run_id()).state(), v1::RUN_STATE_RUNNING);
  // One that could not even begin says only that; an empty one is left out.
  WorkerEnd four(house_, lease(4));
  ASSERT_TRUE(four.fail("no data").commit());
  EXPECT_EQ(house_.run(first.run_id()).state(), v1::RUN_STATE_FAILED);
  EXPECT_EQ(house_.run(first.run_id()).attempt(), 4);
}

TEST_F(Offline, ACancelledRunTakesNothingMore) {
  const auto grant = lease(1);
  WorkerEnd worker(house_, grant);
  ASSERT_TRUE(worker.start_segment(kUuid, 1, 0).commit());
  v1::CancelRunRequest request;
  request.set_name("experiments/-/runs/" + grant.run_id());
  v1::Run run;
  Context context;
  ASSERT_TRUE(house_.experiments->CancelRun(&context, request, &run).ok());
  worker.scalar("train/loss", 0, 1);
  expect_refused(worker, {"cancelled"});
}

TEST_F(Offline, JoinsTheExperimentThatIsNamed) {
  const auto named = [](v1::LeaseRequest& request) { request.mutable_offline()->set_experiment("laptops"); };
  v1::LeaseGrant one, two, three;
  ASSERT_TRUE(house_.lease_segment(kUuid, 1, one, named).ok());
  ASSERT_TRUE(house_.lease_segment("0f8fad5b-d9cb-469f-a165-70867728950f", 1, two, named).ok());
  ASSERT_TRUE(house_.lease_segment("0f8fad5b-d9cb-469f-a165-708677289510", 1, three).ok());
  EXPECT_THAT(one.run(), HasSubstr("experiments/laptops/"));
  EXPECT_THAT(two.run(), HasSubstr("experiments/laptops/"));
  EXPECT_THAT(three.run(), HasSubstr("experiments/fashion_mnist-linear/"));
}

TEST_F(Offline, BadRequestsNameTheirFieldAndStoreNothing) {
  const auto invalid = StatusCode::INVALID_ARGUMENT;
  for (const char* uuid :
       {"", "x", "0f8fad5b-d9cb-469f-a165-70867728950", "0f8fad5b-d9cb-469f-a165-70867728950e0",
        "0f8fad5bxd9cb-469f-a165-70867728950e", "gf8fad5b-d9cb-469f-a165-70867728950e"})
    expect_bad([&](auto& request) { request.mutable_offline()->set_uuid(uuid); }, invalid,
               {"offline.uuid", "is not a UUID"});
  for (const int segment : {0, -3})
    expect_bad([&](auto& request) { request.mutable_offline()->set_segment(segment); }, invalid,
               {"offline.segment", std::to_string(segment), "at least 1"});
  expect_bad([](auto& request) { request.mutable_offline()->clear_config_json(); }, invalid,
             {"offline.config_json", "missing"});
  expect_bad([](auto& request) { request.mutable_offline()->set_config_json("{\"rate\": 1}"); }, invalid,
             {"offline.config_json", "rate"});
  expect_bad([](auto& request) { request.mutable_offline()->set_experiment("a b"); }, invalid,
             {"offline.experiment", "a b"});
  expect_bad([](auto& request) { request.set_run("abc"); }, StatusCode::NOT_FOUND, {"run", "abc"});
  expect_bad([](auto& request) { request.clear_worker(); }, invalid, {"worker", "missing"});
  expect_bad([](auto& request) { request.clear_request_id(); }, invalid, {"request_id", "missing"});
  v1::ListExperimentsResponse list;
  Context context;
  ASSERT_TRUE(house_.experiments->ListExperiments(&context, {}, &list).ok());
  EXPECT_TRUE(list.experiments().empty());

  lease(1);
  expect_bad(
      [](auto& request) {
        std::string& json = *request.mutable_offline()->mutable_config_json();
        const auto at = json.find("\"seed\":0");
        ASSERT_NE(at, std::string::npos);
        json.replace(at, 8, "\"seed\":4");
      },
      StatusCode::FAILED_PRECONDITION,
      {"offline.config_json", "another configuration", "training.seed: 0 -> 4"});
}

}  // namespace
}  // namespace hooke::services
