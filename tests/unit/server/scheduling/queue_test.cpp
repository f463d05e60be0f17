#include "server/scheduling/queue.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "server/storage/digest.h"
#include "server/storage/limits.h"
#include "server/storage/workers.h"
#include "tests/unit/server/storage/temp_database.h"

namespace hooke::scheduling {
namespace {

using hooke::tests::code_of;
using hooke::tests::Server;
using hooke::tests::TempFolder;
using storage::Outcome;
using storage::ReasonKind;
using storage::RunState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr TimeUs kSecondUs = 1'000'000;

class QueueTest : public ::testing::Test {
 protected:
  QueueTest()
      : server_(std::make_unique<Server>(folder_.path())),
        queue_(std::make_unique<Queue>(
            server_->writer, QueueOptions{}, [this] { return now_; },
            [this](std::size_t n) { return random(n); })) {}

  // Stops the server and starts another on the same folder, `away` later.
  void restart(TimeUs away) {
    queue_.reset();
    server_.reset();
    now_ += away;
    server_ = std::make_unique<Server>(folder_.path());
    queue_ = std::make_unique<Queue>(
        server_->writer, QueueOptions{}, [this] { return now_; },
        [this](std::size_t n) { return random(n); });
  }

  // The same bytes in every run of the test.
  std::string random(std::size_t count) {
    return storage::sha256("seed " + std::to_string(drawn_++)).substr(0, count);
  }
  std::string fresh_id() { return "request-" + std::to_string(++requests_); }

  SubmitRequest request(const std::string& name, int runs = 1) {
    SubmitRequest request;
    request.request_id = fresh_id();
    request.name = name;
    request.submitter = "ada";
    for (int seed = 0; seed < runs; ++seed)
      request.runs.push_back({"{\"seed\":" + std::to_string(seed) + "}", seed, {}});
    return request;
  }
  std::string submit(const std::string& name) { return queue_->submit(request(name)).runs[0].run_id; }

  LeaseRequest asking(const std::string& worker = "w1") {
    LeaseRequest request;
    request.request_id = fresh_id();
    request.worker = worker;
    return request;
  }
  LeaseGrant lease(const std::string& worker = "w1") { return queue_->lease(asking(worker)).value(); }
  static storage::AttemptKey key_of(const LeaseGrant& grant) {
    return {grant.run.run_id, grant.attempt, grant.token};
  }
  RunState finish(const LeaseGrant& grant, Outcome outcome, storage::Reason reason = {}) {
    FinishRequest request;
    request.attempt = key_of(grant);
    request.outcome = outcome;
    request.reason = std::move(reason);
    return queue_->finish(request);
  }

  storage::Run run(const std::string& id) {
    return server_->read([&](storage::Snapshot& s) { return storage::find_run(s, id).value(); });
  }
  std::vector<RunState> states(const std::string& id) {
    std::vector<RunState> states;
    for (const auto& change : server_->read(
             [&](storage::Snapshot& s) { return storage::state_history(s, storage::find_run(s, id)->id); }))
      states.push_back(change.state);
    return states;
  }
  // The reason with which the fence refuses a heartbeat.
  std::string fenced(const storage::AttemptKey& key) {
    try {
      queue_->heartbeat(key);
    } catch (const storage::FencedError& error) {
      EXPECT_EQ(error.code(), Code::kFailedPrecondition);
      return error.reason();
    }
    return "not fenced";
  }

  TempFolder folder_;
  TimeUs now_ = 1'000 * kSecondUs;
  int drawn_ = 0;
  int requests_ = 0;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Queue> queue_;
};

TEST_F(QueueTest, ASubmitStoresAnExperimentWithItsRuns) {
  auto wanted = request("cnn", 3);
  wanted.tags = {{"k", "v"}};
  wanted.require = {{"gpu", "a100"}};
  const auto result = queue_->submit(wanted);
  EXPECT_EQ(result.experiment.name, "cnn");
  EXPECT_THAT(result.experiment.tags, ElementsAre(Pair("k", "v")));
  ASSERT_EQ(result.runs.size(), 3u);
  std::set<std::string> ids;
  for (const auto& run : result.runs) {
    EXPECT_THAT(run.run_id, ::testing::MatchesRegex("[a-z2-7]+"));
    EXPECT_EQ(run.run_id.size(), 8u);
    EXPECT_EQ(run.state, RunState::kQueued);
    EXPECT_EQ(run.seed, static_cast<std::int64_t>(ids.size()));
    ids.insert(run.run_id);
  }
  EXPECT_EQ(ids.size(), 3u);
  EXPECT_EQ(queue_->submit(request("cnn")).experiment.name, "cnn-2");
}

TEST_F(QueueTest, ARepeatedSubmitAnswersTheSameAndAnotherUnderItsIdIsRefused) {
  auto wanted = request("cnn", 2);
  const auto first = queue_->submit(wanted);
  const auto second = queue_->submit(wanted);
  EXPECT_EQ(second.experiment.id, first.experiment.id);
  ASSERT_EQ(second.runs.size(), 2u);
  EXPECT_EQ(second.runs[1].run_id, first.runs[1].run_id);
  EXPECT_EQ(server_->read([](storage::Snapshot& s) { return storage::count_experiments(s); }), 1);
  wanted.runs.pop_back();
  EXPECT_EQ(code_of([&] { queue_->submit(wanted); }), Code::kAlreadyExists);
}

TEST_F(QueueTest, ASubmitThatLacksSomethingIsRefused) {
  const auto refuse = [&](auto change) {
    auto wanted = request("cnn");
    change(wanted);
    EXPECT_EQ(code_of([&] { queue_->submit(wanted); }), Code::kInvalidArgument);
  };
  refuse([](SubmitRequest& r) { r.request_id.clear(); });
  refuse([](SubmitRequest& r) { r.name.clear(); });
  refuse([](SubmitRequest& r) { r.name.assign(1000, 'x'); });
  refuse([](SubmitRequest& r) { r.runs.clear(); });
  refuse([](SubmitRequest& r) { r.max_attempts = 0; });
  EXPECT_EQ(server_->read([](storage::Snapshot& s) { return storage::count_experiments(s); }), 0);
}

TEST_F(QueueTest, ALeaseMakesTheOldestQueuedRunRunning) {
  const auto first = submit("a");
  submit("b");
  const auto grant = lease();
  EXPECT_EQ(grant.run.run_id, first);
  EXPECT_EQ(grant.attempt, 1);
  EXPECT_EQ(grant.token.size(), 32u);
  EXPECT_EQ(grant.period, std::chrono::seconds(60));
  EXPECT_THAT(grant.barriers, ::testing::IsEmpty());
  EXPECT_EQ(run(first).state, RunState::kRunning);
  EXPECT_EQ(run(first).worker, "w1");
  EXPECT_EQ(run(first).start_us, now_);
  const auto workers = server_->read([](storage::Snapshot& s) { return storage::list_workers(s, 0, {}); });
  EXPECT_EQ(workers.items.at(0).run_id, first);
}

TEST_F(QueueTest, ALeaseWithoutWorkIsNoGrant) {
  EXPECT_FALSE(queue_->lease(asking()));
  submit("a");
  lease();
  EXPECT_FALSE(queue_->lease(asking("w2")));
  auto nameless = asking();
  nameless.worker.clear();
  EXPECT_EQ(code_of([&] { queue_->lease(nameless); }), Code::kInvalidArgument);
}

TEST_F(QueueTest, ARepeatedLeaseGetsTheSameGrant) {
  submit("a");
  submit("b");
  const auto asked = asking();
  const auto first = queue_->lease(asked).value();
  const auto second = queue_->lease(asked).value();
  EXPECT_EQ(second.run.run_id, first.run.run_id);
  EXPECT_EQ(second.attempt, first.attempt);
  EXPECT_EQ(second.token, first.token);
  restart(0);
  EXPECT_EQ(queue_->lease(asked).value().token, first.token);
  finish(first, Outcome::kFailed);
  EXPECT_EQ(code_of([&] { queue_->lease(asked); }), Code::kFailedPrecondition);
}

TEST_F(QueueTest, TheTokenItselfIsNotStored) {
  submit("a");
  const auto grant = lease();
  const auto attempt =
      server_->read([&](storage::Snapshot& s) { return storage::find_attempt(s, grant.run.id, 1); });
  EXPECT_EQ(attempt->token_hash, storage::sha256(grant.token));
  EXPECT_NE(attempt->token_nonce, grant.token);
}

TEST_F(QueueTest, AWorkerGetsOnlyRunsWhoseLabelsItHas) {
  auto wanted = request("gpu");
  wanted.require = {{"gpu", "a100"}};
  const auto id = queue_->submit(wanted).runs[0].run_id;
  auto other = asking();
  other.labels = {{"gpu", "t4"}};
  EXPECT_FALSE(queue_->lease(other));
  other.run = id;
  EXPECT_EQ(code_of([&] { queue_->lease(other); }), Code::kFailedPrecondition);
  auto right = asking();
  right.labels = {{"gpu", "a100"}, {"zone", "1"}};
  EXPECT_EQ(queue_->lease(right)->run.run_id, id);
}

TEST_F(QueueTest, PriorityGoesFirstThenWhoHasLessThenAge) {
  const auto add = [&](const std::string& submitter, int priority) {
    auto wanted = request("e");
    wanted.submitter = submitter;
    wanted.priority = priority;
    return queue_->submit(wanted).runs[0].run_id;
  };
  const auto ada1 = add("ada", 0);
  const auto ada2 = add("ada", 0);
  const auto bob1 = add("bob", 0);
  const auto urgent = add("ada", 9);
  EXPECT_EQ(lease().run.run_id, urgent);
  EXPECT_EQ(lease().run.run_id, bob1);  // ada has one running, bob has none
  EXPECT_EQ(lease().run.run_id, ada1);
  EXPECT_EQ(lease().run.run_id, ada2);
}

TEST_F(QueueTest, TheNextRunIsFoundAmongManySubmittersPrioritiesAndLabels) {
  struct Waiting {
    std::string id, submitter, gpu;
    int priority = 0;
  };
  std::vector<Waiting> waiting;
  std::minstd_rand random(1);
  for (int n = 0; n < 60; ++n) {
    auto wanted = request("e");
    wanted.submitter = std::string(1, static_cast<char>('a' + random() % 4));
    wanted.priority = static_cast<std::int32_t>(random() % 3) - 1;
    const char* const gpus[] = {"", "a100", "h200"};
    const std::string gpu = gpus[random() % 3];
    if (!gpu.empty()) wanted.require = {{"gpu", gpu}};
    waiting.push_back({queue_->submit(wanted).runs[0].run_id, wanted.submitter, gpu, wanted.priority});
  }
  std::erase_if(waiting, [](const Waiting& run) { return run.gpu == "h200"; });
  auto asked = asking();
  asked.labels = {{"gpu", "a100"}};
  std::map<std::string, int> running;
  while (!waiting.empty()) {
    // In the order of submission, so that the first of equals is the oldest.
    const auto next =
        std::min_element(waiting.begin(), waiting.end(), [&running](const Waiting& a, const Waiting& b) {
          return std::pair(-a.priority, running[a.submitter]) < std::pair(-b.priority, running[b.submitter]);
        });
    asked.request_id += "+";
    ASSERT_EQ(queue_->lease(asked)->run.run_id, next->id);
    ++running[next->submitter];
    waiting.erase(next);
  }
  asked.request_id += "+";
  EXPECT_FALSE(queue_->lease(asked));
}

TEST_F(QueueTest, ARunOfAnotherExecutorMustBeNamed) {
  auto wanted = request("s");
  wanted.executor = "slurm";
  const auto id = queue_->submit(wanted).runs[0].run_id;
  EXPECT_FALSE(queue_->lease(asking()));
  auto task = asking();
  task.run = "experiments/s/runs/" + id;
  task.slurm = storage::SlurmJob{"c", "12_3", 0, "n1", ""};
  EXPECT_EQ(queue_->lease(task)->run.run_id, id);
  EXPECT_EQ(run(id).slurm->job_id, "12_3");
  task.request_id = fresh_id();
  EXPECT_EQ(code_of([&] { queue_->lease(task); }), Code::kFailedPrecondition);
  task.run = "nothing";
  EXPECT_EQ(code_of([&] { queue_->lease(task); }), Code::kNotFound);
}

// A run of Slurm, and its tasks.
class SlurmQueueTest : public QueueTest {
 protected:
  SlurmQueueTest() {
    auto wanted = request("s");
    wanted.executor = "slurm";
    id_ = queue_->submit(wanted).runs[0].run_id;
  }

  static storage::SlurmJob job(const std::string& id, int restarts, const std::string& state) {
    return {"c", id, restarts, "n1", state};
  }
  void tell(const storage::SlurmJob& job) { queue_->update_slurm_jobs({{id_, job}}); }
  LeaseGrant start(const std::string& task, int restarts) {
    auto request = asking("w" + std::to_string(restarts));
    request.run = id_;
    request.slurm = job(task, restarts, "RUNNING");
    return queue_->lease(request).value();
  }

  std::string id_;
};

TEST_F(SlurmQueueTest, ATaskThatWaitsSaysWhy) {
  tell(job("12_0", 0, "PENDING (Priority)"));
  EXPECT_EQ(run(id_).slurm->state, "PENDING (Priority)");
  EXPECT_EQ(run(id_).state, RunState::kQueued);
}

TEST_F(SlurmQueueTest, ARunEndsWithItsTask) {
  for (const auto& [state, ends] :
       std::map<std::string, RunState>{{"TIMEOUT (TimeLimit)", RunState::kFailed},
                                       {"OUT_OF_MEMORY", RunState::kFailed},
                                       {"NODE_FAIL", RunState::kFailed},
                                       {"COMPLETED", RunState::kFailed},
                                       {"CANCELLED by 1000", RunState::kCancelled}}) {
    const auto grant = start("12_0", 0);
    tell(job("12_0", 0, state));
    EXPECT_EQ(run(id_).state, ends) << state;
    EXPECT_EQ(run(id_).reason.message, "Slurm ended its task 12_0: " + state);
    EXPECT_NE(fenced(key_of(grant)), "not fenced");
    queue_->retry(id_, "ada");
  }
}

TEST_F(SlurmQueueTest, AQueuedRunWhoseTaskIsGoneWaitsForNobody) {
  tell(job("12_0", 0, "PENDING"));
  tell(job("12_0", 0, "UNKNOWN"));
  EXPECT_EQ(run(id_).state, RunState::kFailed);
  EXPECT_THAT(run(id_).reason.message, HasSubstr("Slurm does not know its task 12_0"));
  queue_->retry(id_, "ada");
  EXPECT_FALSE(run(id_).slurm);
  tell(job("12_0", 0, "FAILED"));  // said late, of the task before
  EXPECT_EQ(run(id_).state, RunState::kQueued);
  tell(job("13_0", 0, "PENDING"));
  tell(job("13_0", 0, "CANCELLED"));
  EXPECT_EQ(run(id_).state, RunState::kCancelled);
}

TEST_F(SlurmQueueTest, WordsThatEndNothingChangeNothing) {
  const auto grant = start("12_0", 0);
  for (const char* state :
       {"RUNNING", "COMPLETING", "SUSPENDED", "CONFIGURING", "A_NEW_WORD", "", "UNKNOWN"}) {
    tell(job("12_0", 0, state));
    EXPECT_EQ(run(id_).state, RunState::kRunning) << state;
  }
  EXPECT_EQ(fenced(key_of(grant)), "not fenced");
}

TEST_F(SlurmQueueTest, ALaterStartOfTheTaskTakesTheRunOverAtOnce) {
  const auto first = start("12_0", 0);
  const auto second = start("12_0", 1);
  EXPECT_EQ(second.attempt, 2);
  EXPECT_EQ(run(id_).failed_attempts, 0);
  EXPECT_EQ(fenced(key_of(first)), storage::kAttemptSuperseded);
  tell(job("12_0", 0, "NODE_FAIL"));  // of the first start
  EXPECT_EQ(fenced(key_of(second)), "not fenced");
  // Neither an earlier start nor another task does.
  EXPECT_EQ(code_of([&] { start("12_0", 0); }), Code::kFailedPrecondition);
  EXPECT_EQ(code_of([&] { start("13_0", 5); }), Code::kFailedPrecondition);
  tell(job("13_0", 0, "CANCELLED"));
  EXPECT_EQ(run(id_).state, RunState::kRunning);
}

TEST_F(SlurmQueueTest, ATaskThatSlurmQueuesAgainTakesItsRunAlong) {
  const auto first = start("12_0", 0);
  tell(job("12_0", 1, "PENDING (BeginTime)"));
  EXPECT_EQ(run(id_).state, RunState::kQueued);
  EXPECT_EQ(run(id_).failed_attempts, 0);
  EXPECT_NE(fenced(key_of(first)), "not fenced");
  EXPECT_EQ(start("12_0", 1).attempt, 2);
}

TEST_F(SlurmQueueTest, APullWorkersRunGoesBackToAllWhenItsTaskIsGone) {
  const auto id = submit("pulled");
  auto request = asking();
  request.slurm = job("20_1", 0, "RUNNING");
  EXPECT_EQ(queue_->lease(request)->run.run_id, id);
  queue_->update_slurm_jobs({{id, job("20_1", 0, "NODE_FAIL")}});
  EXPECT_EQ(run(id).state, RunState::kQueued);
  EXPECT_EQ(lease().run.run_id, id);
  EXPECT_FALSE(run(id).slurm);  // the newest attempt has none
}

TEST_F(SlurmQueueTest, AReportOfNothingChangesNothing) {
  EXPECT_EQ(code_of([&] { tell({"c", "", 0, "", "PENDING"}); }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([&] { tell({"", "1", 0, "", "PENDING"}); }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([&] { tell({"c", "1", -1, "", "PENDING"}); }), Code::kInvalidArgument);
  EXPECT_EQ(
      code_of([&] {
        queue_->update_slurm_jobs({{id_, job("1_0", 0, "PENDING")}, {"none", job("1_1", 0, "PENDING")}});
      }),
      Code::kNotFound);
  EXPECT_FALSE(run(id_).slurm);
}

TEST_F(QueueTest, AHeartbeatKeepsTheLease) {
  submit("a");
  const auto grant = lease();
  for (int i = 0; i < 5; ++i) {
    now_ += 50 * kSecondUs;
    EXPECT_EQ(queue_->heartbeat(key_of(grant)), std::chrono::seconds(60));
    EXPECT_EQ(queue_->sweep(now_), 0);
  }
  now_ += 60 * kSecondUs;
  EXPECT_EQ(queue_->sweep(now_), 1);
  EXPECT_EQ(queue_->sweep(now_), 0);
}

TEST_F(QueueTest, AHeartbeatWithAWrongTokenAttemptOrRunIsRefused) {
  submit("a");
  auto key = key_of(lease());
  key.number = 2;
  EXPECT_EQ(fenced(key), "TOKEN_INVALID");
  key.number = 1;
  key.token.back() ^= 1;
  EXPECT_EQ(fenced(key), "TOKEN_INVALID");
  key.run = "nothing";
  EXPECT_EQ(fenced(key), "RUN_DELETED");
}

TEST_F(QueueTest, ALapsedRunGoesToAnotherWorkerAndTheOldTokenIsFenced) {
  const auto id = submit("a");
  const auto old = lease("w1");
  now_ += 60 * kSecondUs;
  EXPECT_EQ(queue_->sweep(now_), 1);
  EXPECT_EQ(run(id).state, RunState::kQueued);
  EXPECT_EQ(run(id).reason.kind, ReasonKind::kLeaseLapsed);
  const auto fresh = lease("w2");
  EXPECT_EQ(fresh.run.run_id, id);
  EXPECT_EQ(fresh.attempt, 2);
  EXPECT_NE(fresh.token, old.token);
  EXPECT_EQ(fenced(key_of(old)), "ATTEMPT_SUPERSEDED");
  EXPECT_EQ(code_of([&] { finish(old, Outcome::kCrashed); }), Code::kFailedPrecondition);
  EXPECT_EQ(run(id).failed_attempts, 1);
  EXPECT_NO_THROW(queue_->heartbeat(key_of(fresh)));
}

TEST_F(QueueTest, ALapsedAttemptGoesOnUnderItsNumberUntilAnotherIsGranted) {
  const auto id = submit("a");
  const auto grant = lease();
  now_ += 61 * kSecondUs;
  queue_->sweep(now_);
  queue_->heartbeat(key_of(grant));
  EXPECT_EQ(run(id).state, RunState::kRunning);
  EXPECT_EQ(run(id).attempt, 1);
  EXPECT_EQ(run(id).failed_attempts, 0);
  EXPECT_THAT(states(id),
              ElementsAre(RunState::kQueued, RunState::kRunning, RunState::kQueued, RunState::kRunning));
  EXPECT_FALSE(queue_->lease(asking("w2")));
  now_ += 59 * kSecondUs;
  EXPECT_EQ(queue_->sweep(now_), 0);
}

TEST_F(QueueTest, CrashesUseUpTheAttemptsAndReturnsDoNot) {
  auto wanted = request("a");
  wanted.max_attempts = 2;
  const auto id = queue_->submit(wanted).runs[0].run_id;
  EXPECT_EQ(finish(lease(), Outcome::kReturned), RunState::kQueued);
  EXPECT_EQ(finish(lease(), Outcome::kCrashed, {ReasonKind::kSignal, "killed by signal 9", 0, 9}),
            RunState::kQueued);
  EXPECT_EQ(finish(lease(), Outcome::kReturned), RunState::kQueued);
  EXPECT_EQ(run(id).failed_attempts, 1);
  EXPECT_EQ(finish(lease(), Outcome::kCrashed, {ReasonKind::kSignal, "killed by signal 11", 0, 11}),
            RunState::kFailed);
  const auto reason = run(id).reason;
  EXPECT_EQ(reason.kind, ReasonKind::kAttemptsExhausted);
  EXPECT_THAT(reason.message, HasSubstr("killed by signal 11"));
  EXPECT_EQ(reason.signal, 11);
  EXPECT_TRUE(run(id).end_us);
  EXPECT_FALSE(queue_->lease(asking()));
}

TEST_F(QueueTest, TheLastLapseFailsTheRunAndFencesAtOnce) {
  auto wanted = request("a");
  wanted.max_attempts = 1;
  const auto id = queue_->submit(wanted).runs[0].run_id;
  const auto grant = lease();
  now_ += 60 * kSecondUs;
  queue_->sweep(now_);
  EXPECT_EQ(run(id).state, RunState::kFailed);
  EXPECT_EQ(run(id).reason.kind, ReasonKind::kAttemptsExhausted);
  EXPECT_EQ(fenced(key_of(grant)), "RUN_FINISHED");
}

TEST_F(QueueTest, AFailureEndsTheRunWithItsReasonAndItsLog) {
  const auto id = submit("a");
  FinishRequest request;
  request.attempt = key_of(lease());
  request.outcome = Outcome::kFailed;
  request.reason = {ReasonKind::kException, "no such file", 0, 0};
  request.log_tail = {"one", "two"};
  EXPECT_EQ(queue_->finish(request), RunState::kFailed);
  EXPECT_EQ(run(id).reason, request.reason);
  EXPECT_THAT(server_->read([&](storage::Snapshot& s) { return storage::log_tail(s, run(id).id); }),
              ElementsAre("one", "two"));
  const auto workers = server_->read([](storage::Snapshot& s) { return storage::list_workers(s, 0, {}); });
  EXPECT_EQ(workers.items.at(0).run_id, "");
}

TEST_F(QueueTest, SuccessNeedsTheLastRecordToBeOnDisk) {
  const auto id = submit("a");
  FinishRequest request;
  request.attempt = key_of(lease());
  request.outcome = Outcome::kSucceeded;
  request.last_record = 3;
  EXPECT_EQ(code_of([&] { queue_->finish(request); }), Code::kFailedPrecondition);
  EXPECT_EQ(run(id).state, RunState::kRunning);
  server_->write([&](storage::Transaction& t) { storage::set_last_record(t, run(id).id, 1, 3); });
  EXPECT_EQ(queue_->finish(request), RunState::kSucceeded);
  EXPECT_EQ(queue_->finish(request), RunState::kSucceeded);  // its answer was lost
  EXPECT_THAT(states(id), ElementsAre(RunState::kQueued, RunState::kRunning, RunState::kSucceeded));
  request.outcome = Outcome::kLapsed;
  EXPECT_EQ(code_of([&] { queue_->finish(request); }), Code::kInvalidArgument);
}

TEST_F(QueueTest, ALapseAfterTheEndRecordEndsTheRunAsTheRecordSays) {
  const auto id = submit("a");
  lease();
  server_->write(
      [&](storage::Transaction& t) { storage::set_end_record(t, run(id).id, 1, RunState::kSucceeded, {}); });
  now_ += 60 * kSecondUs;
  queue_->sweep(now_);
  EXPECT_EQ(run(id).state, RunState::kSucceeded);
}

TEST_F(QueueTest, CancellingFencesAtOnceAndAFinishedRunCannotBeCancelled) {
  const auto queued = submit("a");
  EXPECT_EQ(queue_->cancel(queued, "ada").state, RunState::kCancelled);
  const auto running = submit("b");
  const auto grant = lease();
  ASSERT_EQ(grant.run.run_id, running);
  EXPECT_EQ(queue_->cancel("experiments/b/runs/" + running, "ada").reason.message, "cancelled by ada");
  EXPECT_EQ(fenced(key_of(grant)), "RUN_CANCELLED");
  EXPECT_EQ(code_of([&] { queue_->cancel(running, ""); }), Code::kFailedPrecondition);
  EXPECT_EQ(code_of([&] { queue_->cancel("nothing", ""); }), Code::kNotFound);
  now_ += 100 * kSecondUs;
  EXPECT_EQ(queue_->sweep(now_), 0);
  EXPECT_FALSE(queue_->lease(asking()));
}

TEST_F(QueueTest, ARetriedRunHasAllItsAttemptsAgainAndTheOldTokenStaysFenced) {
  const auto id = submit("a");
  const auto old = lease();
  queue_->cancel(id, "");
  EXPECT_EQ(queue_->retry(id, "ada").state, RunState::kQueued);
  EXPECT_EQ(fenced(key_of(old)), "ATTEMPT_SUPERSEDED");
  EXPECT_EQ(lease().attempt, 2);
  EXPECT_EQ(code_of([&] { queue_->retry(id, ""); }), Code::kFailedPrecondition);
}

TEST_F(QueueTest, WhatAWorkerSaysAtTheEndIsCutWhenItIsVeryLong) {
  const auto id = submit("a");
  FinishRequest request;
  request.attempt = key_of(lease());
  request.reason = {ReasonKind::kException, std::string(99'999, 'x') + "ä", 0, 0};
  request.log_tail = {"one", std::string(storage::kMaxLogLineBytes - 1, 'y') + "ä"};
  queue_->finish(request);
  const std::string reason = run(id).reason.message;
  EXPECT_THAT(reason, HasSubstr("x … (83617 bytes cut)"));
  EXPECT_LT(reason.size(), storage::kMaxReasonBytes + 100);
  const auto log = server_->read([&](storage::Snapshot& s) { return storage::log_tail(s, run(id).id); });
  ASSERT_EQ(log.size(), 2u);
  EXPECT_EQ(log[0], "one");
  EXPECT_THAT(log[1], HasSubstr("y … (2 bytes cut)")) << "no half of a character stays";
}

TEST_F(QueueTest, EveryGrantHasAnIdOfItsOwnAndBarriersSayWhose) {
  const auto id = submit("a");
  const auto first = lease();
  server_->write([&](storage::Transaction& t) { storage::insert_barrier(t, run(id).id, {1, 9, 10}); });
  finish(first, Outcome::kReturned);
  const auto second = lease();
  EXPECT_NE(first.attempt_id, second.attempt_id);
  ASSERT_EQ(second.barriers.size(), 1u);
  EXPECT_EQ(second.barriers[0].attempt_id, first.attempt_id);
}

TEST_F(QueueTest, AGrantOfARunWithVeryManyBarriersHasTheNewest) {
  const auto id = submit("a");
  finish(lease(), Outcome::kReturned);
  server_->write([&](storage::Transaction& t) {
    for (std::uint64_t i = 1; i <= 10'005; ++i)
      storage::insert_barrier(t, run(id).id, {1, i, static_cast<Step>(i)});
  });
  const auto barriers = lease().barriers;
  ASSERT_EQ(barriers.size(), 10'000u);
  EXPECT_EQ(barriers.front().step, 6);
  EXPECT_EQ(barriers.back().step, 10'005);
}

// A run that has succeeded at step 10, with a barrier there.
class ExtendTest : public QueueTest {
 protected:
  ExtendTest() : id_(submit("a")) {
    const auto grant = lease();
    server_->write([&](storage::Transaction& t) {
      storage::insert_barrier(t, run(id_).id, {1, 5, 4});
      storage::insert_barrier(t, run(id_).id, {1, 9, 10});
      storage::set_progress(t, run(id_).id, {10, 11, now_});
    });
    finish(grant, Outcome::kSucceeded);
  }

  ExtendRequest longer() { return {id_, run(id_).config_json, "{\"longer\":1}", "extended by ada"}; }

  const std::string id_;
};

TEST_F(ExtendTest, ARunThatHasSucceededIsQueuedAgainWithItsConfigurationsKept) {
  const std::string before = run(id_).config_json;
  queue_->extend(longer());
  const auto extended = run(id_);
  EXPECT_EQ(extended.state, RunState::kQueued);
  EXPECT_EQ(extended.config_json, "{\"longer\":1}");
  EXPECT_EQ(extended.config_hash, storage::to_hex(storage::sha256("{\"longer\":1}")));
  EXPECT_TRUE(extended.must_resume);
  EXPECT_EQ(extended.reason.message, "extended by ada");
  const auto history =
      server_->read([&](storage::Snapshot& s) { return storage::config_history(s, extended.id); });
  EXPECT_THAT(history, ElementsAre(before));
}

TEST_F(ExtendTest, ItMayGoOnAtItsEndOrLaterAndNowhereElse) {
  queue_->extend(longer());
  const auto second = lease();
  ASSERT_EQ(second.barriers.size(), 1u);
  EXPECT_EQ(second.barriers[0].step, 10);
  server_->write([&](storage::Transaction& t) { storage::insert_barrier(t, second.run.id, {2, 3, 12}); });
  finish(second, Outcome::kReturned);
  EXPECT_EQ(lease().barriers.size(), 2u);
}

TEST_F(ExtendTest, OnlyARunThatHasSucceededAndEndsInABarrierCanBe) {
  auto stale = longer();
  stale.config_before = "{}";
  EXPECT_EQ(code_of([&] { queue_->extend(stale); }), Code::kFailedPrecondition);
  queue_->extend(longer());
  EXPECT_EQ(code_of([&] { queue_->extend(longer()); }), Code::kFailedPrecondition) << "it is queued";
  const auto other = submit("b");
  const auto queued = lease();
  ASSERT_EQ(queued.run.run_id, id_);
  finish(lease(), Outcome::kSucceeded);  // without any record
  EXPECT_EQ(code_of([&] {
              queue_->extend({other, run(other).config_json, "{}", ""});
            }),
            Code::kFailedPrecondition);
  EXPECT_EQ(code_of([&] { queue_->extend({"nothing", "", "{}", ""}); }), Code::kNotFound);
}

TEST_F(QueueTest, TheClockOfLeasesStandsStillWhileTheServerIsDown) {
  const auto id = submit("a");
  const auto grant = lease();
  restart(3'600 * kSecondUs);
  EXPECT_EQ(queue_->renew_all(), 1);
  EXPECT_EQ(queue_->sweep(now_), 0);
  now_ += 59 * kSecondUs;
  EXPECT_EQ(queue_->sweep(now_), 0);
  EXPECT_NO_THROW(queue_->heartbeat(key_of(grant)));
  EXPECT_EQ(run(id).attempt, 1);
  now_ += 60 * kSecondUs;
  EXPECT_EQ(queue_->sweep(now_), 1);
}

}  // namespace
}  // namespace hooke::scheduling
