// Tail, WatchRuns and the worker's stream: live, across a truncation, cancelled, and when the server stops.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <thread>

#include "tests/unit/server/services/house.h"

namespace hooke::services {
namespace {

// Follows runs as a client does: applies points and truncations.
struct Follower {
  std::map<std::string, std::map<std::int64_t, double>> scalars;
  std::map<std::string, std::vector<std::int64_t>> matrices;
  std::string cursor;
  int truncations = 0;
  v1::RunState state = v1::RUN_STATE_UNSPECIFIED;

  void apply(const v1::TailResponse& message) {
    cursor = message.cursor();
    for (const auto& column : message.points().columns()) {
      for (int i = 0; i < column.step_size(); ++i) {
        EXPECT_FALSE(scalars[column.key()].contains(column.step(i))) << "sent twice";
        scalars[column.key()][column.step(i)] = column.value(i);
      }
    }
    for (const auto& column : message.points().matrices())
      for (const auto step : column.step()) matrices[column.key()].push_back(step);
    if (message.has_run()) state = message.run().state();
    if (!message.has_truncation()) return;
    ++truncations;
    for (auto& [key, points] : scalars)
      points.erase(points.upper_bound(message.truncation().after_step()), points.end());
    for (auto& [key, steps] : matrices)
      std::erase_if(steps, [&](std::int64_t step) { return step > message.truncation().after_step(); });
  }
};

class Streams : public testing::Test {
 protected:
  v1::TailRequest tail_of(const std::string& name, const std::string& cursor = {}) {
    v1::TailRequest request;
    request.add_names(name);
    request.set_cursor(cursor);
    return request;
  }

  House house_;
};

TEST_F(Streams, TailSendsWhatIsStoredThenWhatComesAcrossATruncation) {
  const std::string run = house_.submit()[0];
  WorkerEnd first(house_, house_.lease(run));
  first.start(20).declare("elasticity/kl", {"a", "b"}, 4);
  for (int step = 0; step < 10; ++step) {
    first.scalar("train/loss", step, step).matrix("elasticity/kl", step, {1, 0, 0, 1});
    if (step == 5) first.barrier(5);
  }
  ASSERT_TRUE(first.commit());

  Follower follower;
  Context context;
  auto reader = house_.queries->Tail(&context, tail_of(run));
  v1::TailResponse message;
  while (follower.scalars["train/loss"].size() < 10 && reader->Read(&message)) follower.apply(message);
  EXPECT_EQ(follower.matrices["elasticity/kl"].size(), 10u);

  ASSERT_TRUE(first.close().ok());
  ASSERT_TRUE(first.finish(v1::OUTCOME_RETURNED).ok());
  WorkerEnd second(house_, house_.lease(run));
  second.start(20, 5);
  for (int step = 6; step < 20; ++step)
    second.scalar("train/loss", step, 100 + step).matrix("elasticity/kl", step, {1, 0, 0, 1});
  second.barrier(19).succeed();
  ASSERT_TRUE(second.commit());
  ASSERT_TRUE(second.close().ok());
  ASSERT_TRUE(second.finish(v1::OUTCOME_SUCCEEDED).ok());

  while (reader->Read(&message)) follower.apply(message);
  const auto status = reader->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(follower.truncations, 1);
  EXPECT_EQ(follower.state, v1::RUN_STATE_SUCCEEDED);
  const auto& loss = follower.scalars["train/loss"];
  ASSERT_EQ(loss.size(), 20u);
  EXPECT_EQ(loss.at(5), 5);
  EXPECT_EQ(loss.at(6), 106);
  EXPECT_EQ(follower.matrices["elasticity/kl"].size(), 20u);

  // From its end there is nothing left but the run itself; from the beginning, everything.
  Follower again;
  Context again_context, whole_context;
  auto rest = house_.queries->Tail(&again_context, tail_of(run, follower.cursor));
  while (rest->Read(&message)) again.apply(message);
  EXPECT_TRUE(rest->Finish().ok());
  EXPECT_TRUE(again.scalars.empty());
  EXPECT_EQ(again.state, v1::RUN_STATE_SUCCEEDED);
  Follower whole;
  auto all = house_.queries->Tail(&whole_context, tail_of("trial"));
  while (all->Read(&message)) whole.apply(message);
  EXPECT_EQ(whole.scalars["train/loss"], loss);
  EXPECT_EQ(whole.truncations, 0);
}

// A series that falls by a unit a step until step 30 and then stays.
double kinked(int step) {
  return 100.0 - std::min(step, 30) + 0.1 * ((step * 7) % 5);
}

TEST_F(Streams, TailAnswersTheQuestionOfPhasesWhenTheAnswerChangesAndAtTheEnd) {
  const std::string run = house_.submit()[0];
  WorkerEnd worker(house_, house_.lease(run));
  worker.start(100);
  for (int step = 0; step < 25; ++step) worker.scalar("train/loss", step, kinked(step));
  ASSERT_TRUE(worker.commit());

  v1::TailRequest request = tail_of(run);
  request.set_without_points(true);
  request.mutable_phases()->add_series("train/loss");
  request.mutable_phases()->set_scale(v1::SCALE_LINEAR);
  Context context;
  auto reader = house_.queries->Tail(&context, request);
  std::vector<v1::RunPhases> answers;
  v1::TailResponse message;
  const auto read_until = [&](auto enough) {
    while (!enough() && reader->Read(&message)) {
      EXPECT_FALSE(message.has_points());
      if (message.has_phases()) answers.push_back(message.phases());
    }
  };
  read_until([&] { return answers.size() == 1; });
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].verdict(), v1::VERDICT_NO_TRANSITION);
  EXPECT_EQ(answers[0].run(), "experiments/trial/runs/" + run);
  EXPECT_EQ(answers[0].series(), "train/loss");

  for (int step = 25; step < 100; ++step) {
    worker.scalar("train/loss", step, kinked(step));
    if (step % 10 == 9) {
      ASSERT_TRUE(worker.commit());
    }
  }
  worker.barrier(99).succeed();
  ASSERT_TRUE(worker.commit());
  ASSERT_TRUE(worker.close().ok());
  ASSERT_TRUE(worker.finish(v1::OUTCOME_SUCCEEDED).ok());
  read_until([] { return false; });
  EXPECT_TRUE(reader->Finish().ok());

  ASSERT_GE(answers.size(), 2u);
  const v1::RunPhases& last = answers.back();
  EXPECT_EQ(last.verdict(), v1::VERDICT_TRANSITION);
  EXPECT_EQ(last.points(), 100);
  ASSERT_EQ(last.transitions_size(), 1);
  EXPECT_NEAR(last.transitions(0).step(), 30, 1);
  // Not every batch of points: the same answer is not sent again until the end.
  for (std::size_t i = 1; i + 1 < answers.size(); ++i)
    EXPECT_FALSE(answers[i].verdict() == answers[i - 1].verdict() && answers[i].transitions_size() == 0 &&
                 answers[i - 1].transitions_size() == 0);

  // What GetPhases says is the same.
  v1::GetPhasesRequest question = request.phases();
  question.set_parent(run);
  Context again;
  v1::GetPhasesResponse response;
  ASSERT_TRUE(house_.queries->GetPhases(&again, question, &response).ok());
  EXPECT_EQ(response.runs(0).SerializeAsString(), [&] {
    v1::RunPhases same = last;
    for (auto& transition : *same.mutable_transitions())
      transition.set_seeds(1);  // over an experiment's runs
    return same.SerializeAsString();
  }());
}

TEST_F(Streams, TailSaysAtTheEndWhyThereIsNoAnswerOfPhases) {
  const std::string run = house_.submit()[0];
  WorkerEnd worker(house_, house_.lease(run));
  worker.start(5);
  for (int step = 0; step < 5; ++step) worker.scalar("train/loss", step, step);
  worker.barrier(4).succeed();
  ASSERT_TRUE(worker.commit());
  ASSERT_TRUE(worker.close().ok());
  ASSERT_TRUE(worker.finish(v1::OUTCOME_SUCCEEDED).ok());
  for (const auto& [series, reason] : std::map<std::string, std::string>{
           {"train/loss", "at least 8"}, {"train/lost", "no series 'train/lost'"}, {"", "no measurements"}}) {
    v1::TailRequest request = tail_of(run);
    request.mutable_phases();
    if (!series.empty()) request.mutable_phases()->add_series(series);
    Context context;
    auto reader = house_.queries->Tail(&context, request);
    std::vector<v1::RunPhases> answers;
    for (v1::TailResponse message; reader->Read(&message);)
      if (message.has_phases()) answers.push_back(message.phases());
    EXPECT_TRUE(reader->Finish().ok());
    ASSERT_EQ(answers.size(), 1u) << series;
    EXPECT_EQ(answers[0].verdict(), v1::VERDICT_UNSPECIFIED);
    EXPECT_THAT(answers[0].remarks(0), testing::HasSubstr(reason));
  }
}

TEST_F(Streams, TailRefusesAQuestionOfPhasesThatIsNotAllowed) {
  const std::string run = house_.submit()[0];
  const auto refused = [&](auto change) {
    v1::TailRequest request = tail_of(run);
    change(*request.mutable_phases());
    Context context;
    auto reader = house_.queries->Tail(&context, request);
    for (v1::TailResponse message; reader->Read(&message);) ADD_FAILURE() << message.ShortDebugString();
    const auto status = reader->Finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    return status.error_message();
  };
  EXPECT_THAT(refused([](auto& question) { question.set_level(2); }), testing::HasSubstr("level"));
  EXPECT_THAT(refused([](auto& question) { question.set_parent("trial"); }), testing::HasSubstr("parent"));
}

TEST_F(Streams, ACursorFromBeforeATruncationIsToldOfIt) {
  const std::string run = house_.submit()[0];
  WorkerEnd first(house_, house_.lease(run));
  first.start(20);
  for (int step = 0; step < 10; ++step) first.scalar("train/loss", step, step);
  ASSERT_TRUE(first.commit());
  Follower follower;
  v1::TailResponse message;
  {
    Context context;
    auto reader = house_.queries->Tail(&context, tail_of(run));
    while (follower.scalars["train/loss"].size() < 10 && reader->Read(&message)) follower.apply(message);
    context.TryCancel();
    while (reader->Read(&message)) continue;
    EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  ASSERT_TRUE(first.close().ok());
  ASSERT_TRUE(first.finish(v1::OUTCOME_RETURNED).ok());
  WorkerEnd second(house_, house_.lease(run));
  second.start(20);  // from the beginning
  second.scalar("train/loss", 0, 100);
  ASSERT_TRUE(second.commit());
  Context context;
  auto reader = house_.queries->Tail(&context, tail_of(run, follower.cursor));
  auto& loss = follower.scalars["train/loss"];
  while (!(loss.size() == 1 && loss.begin()->second == 100) && reader->Read(&message))
    follower.apply(message);
  EXPECT_EQ(follower.truncations, 1);
  EXPECT_EQ(follower.scalars["train/loss"].size(), 1u);
  context.TryCancel();
}

TEST_F(Streams, WatchRunsTellsEveryRunOnceThenChangesUntilAllHaveEnded) {
  const auto runs = house_.submit(2);
  v1::WatchRunsRequest request;
  request.add_names("trial");
  Context context;
  auto reader = house_.experiments->WatchRuns(&context, request);
  v1::WatchRunsResponse message;
  std::map<std::string, v1::RunState> states;
  for (int i = 0; i < 2 && reader->Read(&message); ++i)
    states[message.run().run_id()] = message.run().state();
  EXPECT_EQ(states.size(), 2u);
  for (const auto& run : runs) {
    v1::CancelRunRequest cancel;
    cancel.set_name(run);
    v1::Run cancelled;
    Context cancel_context;
    ASSERT_TRUE(house_.experiments->CancelRun(&cancel_context, cancel, &cancelled).ok());
  }
  while (reader->Read(&message)) states[message.run().run_id()] = message.run().state();
  EXPECT_TRUE(reader->Finish().ok());
  for (const auto& [run, state] : states) EXPECT_EQ(state, v1::RUN_STATE_CANCELLED);
}

TEST_F(Streams, ACancelledRunFencesItsStream) {
  const std::string run = house_.submit()[0];
  WorkerEnd worker(house_, house_.lease(run));
  ASSERT_TRUE(worker.start(10).commit());
  v1::CancelRunRequest cancel;
  cancel.set_name(run);
  v1::Run cancelled;
  Context context;
  ASSERT_TRUE(house_.experiments->CancelRun(&context, cancel, &cancelled).ok());
  EXPECT_FALSE(worker.scalar("train/loss", 0, 1).commit());
  EXPECT_EQ(worker.close().error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(Streams, TheServerStopsWithinFiveSecondsWithStreamsOpen) {
  const std::string run = house_.submit()[0];
  WorkerEnd worker(house_, house_.lease(run));
  ASSERT_TRUE(worker.start(10).scalar("train/loss", 0, 1).commit());
  v1::WatchRunsRequest watch;
  watch.add_names(run);
  Context tail_context, watch_context;
  auto tail = house_.queries->Tail(&tail_context, tail_of(run));
  auto watcher = house_.experiments->WatchRuns(&watch_context, watch);
  v1::TailResponse tailed;
  v1::WatchRunsResponse watched;
  ASSERT_TRUE(tail->Read(&tailed));
  ASSERT_TRUE(watcher->Read(&watched));
  const auto start = std::chrono::steady_clock::now();
  house_.app().stop();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  while (tail->Read(&tailed)) continue;
  while (watcher->Read(&watched)) continue;
  EXPECT_EQ(tail->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(watcher->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(worker.close().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(Streams, ManyTailsThatAreCancelledLeaveNothingBehind) {
  const std::string run = house_.submit()[0];
  for (int i = 0; i < 50; ++i) {
    Context context;
    auto reader = house_.queries->Tail(&context, tail_of(run));
    if (i % 2 == 0) {
      v1::TailResponse message;
      EXPECT_TRUE(reader->Read(&message));
    }
    context.TryCancel();
    reader->Finish();
  }
  const auto start = std::chrono::steady_clock::now();
  house_.app().stop();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

// A batch was overtaken by the next one when an acknowledgement came at that moment.
TEST_F(Streams, BatchesThatComeFasterThanTheyAreCommittedKeepTheirOrder) {
  constexpr int kStreams = 4, kBatches = 1500;
  std::vector<std::thread> threads;
  const auto runs = house_.submit(kStreams);
  for (const std::string& run : runs) {
    threads.emplace_back([this, grant = house_.lease(run)] {
      grpc::ClientContext context;
      const auto stream = house_.workers->Stream(&context);
      v1::StreamRequest request;
      request.mutable_open()->set_run(grant.run_id());
      request.mutable_open()->set_attempt(grant.attempt());
      request.mutable_open()->set_token(grant.token());
      ASSERT_TRUE(stream->Write(request));
      std::thread reader([&] {
        v1::StreamResponse response;
        while (stream->Read(&response)) continue;
      });
      for (std::uint64_t number = 1; number <= kBatches; ++number) {
        request.Clear();
        v1::Record& record = *request.mutable_batch()->add_records();
        record.set_number(number);
        if (number == 1) {
          record.mutable_attempt_start()->set_total_steps(kBatches);
        } else {
          record.mutable_scalars()->set_step(static_cast<std::int64_t>(number));
          record.mutable_scalars()->add_key("train/loss");
          record.mutable_scalars()->add_value(1);
        }
        if (!stream->Write(request)) break;
      }
      stream->WritesDone();
      reader.join();
      const grpc::Status status = stream->Finish();
      EXPECT_TRUE(status.ok()) << status.error_message();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& run : runs) EXPECT_EQ(house_.run(run).step(), kBatches);
}

// The next read was asked for on the writer's thread while gRPC's side of the stream was already gone.
TEST_F(Streams, OfWorkersThatGoWhileTheirRecordsAreCommittedLeaveNothingBehind) {
  constexpr int kStreams = 4, kRounds = 50;
  std::vector<std::thread> threads;
  for (const std::string& run : house_.submit(kStreams)) {
    threads.emplace_back([this, grant = house_.lease(run)] {
      for (int round = 0; round < kRounds; ++round) {
        Context context;
        const auto stream = house_.workers->Stream(&context);
        v1::StreamRequest request;
        request.mutable_open()->set_run(grant.run_id());
        request.mutable_open()->set_attempt(grant.attempt());
        request.mutable_open()->set_token(grant.token());
        ASSERT_TRUE(stream->Write(request));
        v1::StreamResponse opened;
        ASSERT_TRUE(stream->Read(&opened));
        v1::Record& record = *request.mutable_batch()->add_records();
        record.set_number(opened.committed_record() + 1);
        if (record.number() == 1) {
          record.mutable_attempt_start()->set_total_steps(kRounds);
        } else {
          record.mutable_barrier()->set_step(static_cast<std::int64_t>(record.number()));
        }
        stream->Write(request);
        context.TryCancel();
        EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  house_.app().stop();
}

}  // namespace
}  // namespace hooke::services
