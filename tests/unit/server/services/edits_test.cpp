// Tags, notes and archiving, over a real channel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/hooke/status.h"
#include "tests/unit/server/services/house.h"

namespace hooke::services {
namespace {

using grpc::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

class Edits : public testing::Test {
 protected:
  template <class Request, class Response>
  grpc::Status call(grpc::Status (v1::ExperimentService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                        Response*),
                    const Request& request, Response& response) {
    Context context;
    return ((*house_.experiments).*method)(&context, request, &response);
  }

  std::map<std::string, std::string> tag(const std::string& name,
                                         const std::map<std::string, std::string>& set,
                                         const std::vector<std::string>& remove = {}) {
    v1::UpdateTagsRequest request;
    request.set_name(name);
    request.mutable_set()->insert(set.begin(), set.end());
    for (const auto& key : remove) request.add_remove(key);
    v1::UpdateTagsResponse response;
    const auto status = call(&v1::ExperimentService::Stub::UpdateTags, request, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return {response.tags().begin(), response.tags().end()};
  }

  grpc::Status refused_tags(const v1::UpdateTagsRequest& request) {
    v1::UpdateTagsResponse response;
    return call(&v1::ExperimentService::Stub::UpdateTags, request, response);
  }

  grpc::Status note(const std::string& name, const std::string& text) {
    v1::UpdateNoteRequest request;
    request.set_name(name);
    request.set_note(text);
    v1::UpdateNoteResponse response;
    return call(&v1::ExperimentService::Stub::UpdateNote, request, response);
  }

  grpc::Status archive(const std::string& name, bool undo = false) {
    v1::ArchiveRequest request;
    request.set_name(name);
    request.set_undo(undo);
    v1::ArchiveResponse response;
    return call(&v1::ExperimentService::Stub::Archive, request, response);
  }

  v1::Experiment experiment(const std::string& name) {
    v1::GetExperimentRequest request;
    request.set_name("experiments/" + name);
    v1::Experiment found;
    EXPECT_TRUE(call(&v1::ExperimentService::Stub::GetExperiment, request, found).ok());
    return found;
  }

  std::vector<std::string> listed(const std::string& filter = {}, bool archived = false) {
    v1::ListRunsRequest request;
    request.set_parent("experiments/-");
    request.set_filter(filter);
    request.set_show_archived(archived);
    v1::ListRunsResponse response;
    const auto status = call(&v1::ExperimentService::Stub::ListRuns, request, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::vector<std::string> ids;
    for (const auto& run : response.runs()) ids.push_back(run.run_id());
    return ids;
  }

  House house_;
};

TEST_F(Edits, TagsOfRunsAndExperimentsAreSetReplacedAndRemoved) {
  const auto runs = house_.submit(2, "cnn");
  EXPECT_THAT(tag(runs[0], {{"team", "vision"}, {"kind", "trial"}}),
              UnorderedElementsAre(Pair("team", "vision"), Pair("kind", "trial")));
  EXPECT_THAT(tag(runs[0], {{"team", "audio"}}, {"kind", "absent"}), ElementsAre(Pair("team", "audio")));
  EXPECT_EQ(house_.run(runs[0]).tags().at("team"), "audio");
  EXPECT_THAT(house_.run(runs[1]).tags(), IsEmpty());
  EXPECT_THAT(tag("experiments/cnn", {{"team", "vision"}}), ElementsAre(Pair("team", "vision")));
  EXPECT_EQ(experiment("cnn").tags().at("team"), "vision");
  EXPECT_THAT(listed("tags.team = \"vision\""), ElementsAre(runs[1]))
      << "a run's own tag is before its experiment's";
  EXPECT_THAT(listed("tags.team = \"audio\""), ElementsAre(runs[0]));
}

TEST_F(Edits, TooManyTagsAreRefusedAndChangeNothing) {
  const auto run = house_.submit()[0];
  std::map<std::string, std::string> many;
  for (int i = 0; i < 64; ++i) many["k" + std::to_string(i)] = "v";
  EXPECT_EQ(tag(run, many).size(), 64u);
  v1::UpdateTagsRequest request;
  request.set_name(run);
  (*request.mutable_set())["more"] = "v";
  EXPECT_EQ(refused_tags(request).error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(house_.run(run).tags_size(), 64);
  request.add_remove("k0");
  EXPECT_TRUE(refused_tags(request).ok());
  request.add_remove("more");
  EXPECT_THAT(refused_tags(request).error_message(), HasSubstr("'more' is set, too"));
  EXPECT_EQ(house_.run(run).tags().count("more"), 1u);
}

TEST_F(Edits, NotesAreReplacedAndTakenAway) {
  const auto run = house_.submit(1, "cnn")[0];
  EXPECT_TRUE(note(run, "lr too large\nsee größer").ok());
  EXPECT_EQ(house_.run(run).note(), "lr too large\nsee größer");
  EXPECT_TRUE(note("experiments/cnn", "for the paper").ok());
  EXPECT_EQ(experiment("cnn").note(), "for the paper");
  EXPECT_TRUE(note(run, "").ok());
  EXPECT_EQ(house_.run(run).note(), "");
  const auto status = note(run, std::string(100'000, 'x'));
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("100000 bytes"));
  EXPECT_EQ(note("nothing", "x").error_code(), StatusCode::NOT_FOUND);
}

TEST_F(Edits, WhatIsArchivedIsHiddenUntilItIsUndone) {
  const auto runs = house_.submit(2, "cnn");
  EXPECT_TRUE(archive(runs[0]).ok());
  EXPECT_TRUE(archive(runs[0]).ok()) << "twice is no error";
  EXPECT_TRUE(house_.run(runs[0]).archived());
  EXPECT_THAT(listed(), ElementsAre(runs[1]));
  EXPECT_THAT(listed("archived = true"), ElementsAre(runs[0]));
  EXPECT_THAT(listed("", true), ElementsAre(runs[0], runs[1]));
  EXPECT_TRUE(archive(runs[0], true).ok());
  EXPECT_THAT(listed(), ElementsAre(runs[0], runs[1]));
  EXPECT_TRUE(archive("experiments/cnn").ok());
  EXPECT_TRUE(experiment("cnn").archived());
  EXPECT_THAT(listed(), IsEmpty());
  EXPECT_EQ(archive("nothing").error_code(), StatusCode::NOT_FOUND);
}

TEST_F(Edits, ADeletedRunIsGoneAndFencesItsWorker) {
  const auto runs = house_.submit(2, "cnn");
  const auto grant = house_.lease(runs[0]);
  WorkerEnd worker(house_, grant);
  ASSERT_TRUE(worker.start(100).scalar("train/loss", 0, 1).scalar("train/loss", 1, 2).commit());

  const auto remove = [&](bool plan) {
    v1::DeleteRunRequest request;
    request.set_name(runs[0]);
    request.set_validate_only(plan);
    v1::DeleteResponse response;
    const auto status = call(&v1::ExperimentService::Stub::DeleteRun, request, response);
    return std::pair(status, response);
  };
  EXPECT_EQ(remove(true).first.error_code(), StatusCode::FAILED_PRECONDITION);
  const auto refused = remove(false).first;
  EXPECT_EQ(refused.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(refused.error_message(), HasSubstr("hooke runs cancel " + runs[0]));

  v1::CancelRunRequest cancel;
  cancel.set_name(runs[0]);
  v1::Run cancelled;
  ASSERT_TRUE(call(&v1::ExperimentService::Stub::CancelRun, cancel, cancelled).ok());
  const auto [planned, plan] = remove(true);
  EXPECT_TRUE(planned.ok()) << planned.error_message();
  EXPECT_EQ(plan.points(), 2);
  EXPECT_GT(plan.bytes(), 0);
  EXPECT_EQ(house_.run(runs[0]).state(), v1::RUN_STATE_CANCELLED) << "a plan deletes nothing";
  EXPECT_EQ(remove(false).second.runs(), 1);
  EXPECT_EQ(remove(false).first.error_code(), StatusCode::NOT_FOUND);

  v1::HeartbeatRequest beat;
  beat.mutable_attempt()->set_run(grant.run());
  beat.mutable_attempt()->set_attempt(grant.attempt());
  beat.mutable_attempt()->set_token(grant.token());
  v1::HeartbeatResponse answer;
  Context context;
  const auto fenced = house_.workers->Heartbeat(&context, beat, &answer);
  EXPECT_EQ(fenced.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(reason_of(fenced), "RUN_DELETED");
  EXPECT_FALSE(worker.scalar("train/loss", 2, 3).commit());
  EXPECT_THAT(listed(), ElementsAre(runs[1]));
}

// What an attempt that began again has removed.
TEST_F(Edits, GarbageCollectionGivesBackWhatItSaysThatItWould) {
  const std::string run = house_.submit(1)[0];
  WorkerEnd first(house_, house_.lease(run));
  first.start(20'000);
  for (int step = 0; step < 20'000; ++step) first.scalar("train/loss", step, step);
  ASSERT_TRUE(first.commit());
  v1::CancelRunRequest cancel;
  cancel.set_name(run);
  v1::RetryRunRequest retry;
  retry.set_name(run);
  v1::Run changed;
  ASSERT_TRUE(call(&v1::ExperimentService::Stub::CancelRun, cancel, changed).ok());
  ASSERT_TRUE(call(&v1::ExperimentService::Stub::RetryRun, retry, changed).ok());
  WorkerEnd second(house_, house_.lease(run));
  ASSERT_TRUE(second.start(10).commit());
  const auto collect = [&](bool only_say) {
    v1::CollectGarbageRequest request;
    request.set_validate_only(only_say);
    v1::CollectGarbageResponse response;
    Context context;
    EXPECT_TRUE(house_.admin->CollectGarbage(&context, request, &response).ok());
    return response.bytes();
  };
  const std::int64_t free = collect(true);
  EXPECT_GT(free, 20'000 * 8);
  EXPECT_EQ(collect(true), free) << "asking changes nothing";
  EXPECT_EQ(collect(false), free);
  EXPECT_EQ(collect(true), 0);
}

TEST_F(Edits, ADeletedExperimentsNameIsFreeAndItsWatchersAreTold) {
  const auto runs = house_.submit(3, "cnn");
  v1::WatchRunsRequest watch;
  watch.add_names("experiments/cnn");
  Context watching;
  auto stream = house_.experiments->WatchRuns(&watching, watch);
  v1::WatchRunsResponse seen;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(stream->Read(&seen));

  v1::DeleteExperimentRequest request;
  request.set_name("experiments/cnn");
  v1::DeleteResponse response;
  const auto status = call(&v1::ExperimentService::Stub::DeleteExperiment, request, response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.runs(), 3);
  while (stream->Read(&seen)) continue;
  EXPECT_TRUE(stream->Finish().ok()) << "it ends when there is nothing left to watch";
  EXPECT_THAT(listed(), IsEmpty());
  house_.submit(1, "cnn");
  EXPECT_EQ(experiment("cnn").run_count(), 1);
  EXPECT_EQ(call(&v1::ExperimentService::Stub::DeleteExperiment, request, response).error_code(),
            StatusCode::OK);
}

}  // namespace
}  // namespace hooke::services
