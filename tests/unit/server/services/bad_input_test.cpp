// A table of bad requests per service: the code, and what the message must say.
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "proto/hooke/status.h"
#include "tests/unit/server/services/house.h"

namespace hooke::services {
namespace {

using grpc::StatusCode;
using testing::HasSubstr;

class BadInput : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    house_ = new House;
    runs_ = house_->submit(1, "queued");
    const auto measured = house_->submit(1, "measured");
    WorkerEnd worker(*house_, house_->lease(measured[0]));
    worker.start(100).declare("elasticity/kl", {"a", "b"}, 16).declare("elasticity/kl@small", {"a", "b"}, 16);
    for (int step = 0; step < 5; ++step) {
      worker.scalar("train/loss", step, 1.0 / (1 + step));
      worker.matrix("elasticity/kl", step, {1, 0, 0, 1}).matrix("elasticity/kl@small", step, {1, 0, 0, 1});
    }
    ASSERT_TRUE(worker.commit());
    ASSERT_TRUE(worker.close().ok());
  }
  static void TearDownTestSuite() {
    delete house_;
    house_ = nullptr;
  }

  // `text` is the request in protobuf's text format.
  template <class Stub, class Request, class Response>
  static void expect(Stub& stub,
                     grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                     const std::string& text, StatusCode code, const std::vector<std::string>& words) {
    SCOPED_TRACE(Request::descriptor()->name() + " {" + text.substr(0, 200) + "}");
    Request request;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &request));
    Response response;
    Context context;
    const auto status = (stub.*method)(&context, request, &response);
    EXPECT_EQ(status.error_code(), code) << status.error_message();
    for (const auto& word : words) EXPECT_THAT(status.error_message(), HasSubstr(word));
  }

  static House* house_;
  static std::vector<std::string> runs_;
};
House* BadInput::house_ = nullptr;
std::vector<std::string> BadInput::runs_;

TEST_F(BadInput, ExperimentService) {
  using Stub = v1::ExperimentService::Stub;
  auto& stub = *house_->experiments;
  const auto invalid = StatusCode::INVALID_ARGUMENT;
  const std::string config = "config {data {set: DATA_SET_FASHION_MNIST} model {type: MODEL_TYPE_LINEAR}} ";
  const auto submit = [&](const std::string& text, const std::vector<std::string>& words) {
    expect(stub, &Stub::SubmitExperiment, text, invalid, words);
  };
  submit(config, {"request_id"});
  submit("request_id: 'x'", {"data"});
  submit("request_id: 'x' " + config + "seeds: [1, 2, 1]", {"seeds", "1 is given twice"});
  submit("request_id: 'x' " + config + "sweep {field: 'training.lr'}", {"sweep[0].values", "at least one"});
  submit("request_id: 'x' " + config + "sweep {field: 'training.rate' values: '1'}", {"training.rate"});
  submit("request_id: 'x' " + config + "sweep {field: 'training.lr' values: 'much'}",
         {"training.lr", "much"});
  submit("request_id: 'x' " + config + "sweep {field: 'training.lr' values: ['0.1', '-1']}",
         {"training.lr", "-1"});
  submit("request_id: 'x' seeds: 1 " + config + "sweep {field: 'training.seed' values: '2'}",
         {"seeds are given twice"});
  submit("request_id: 'x' executor: 'pbs' " + config, {"executor", "pbs", "slurm"});
  submit("request_id: 'x' max_attempts: 0 " + config, {"max_attempts", "0", "1 to"});
  submit("request_id: 'x' tags {key: '' value: 'v'} " + config, {"tags", "key"});
  submit("request_id: 'x' experiment_id: 'a b' " + config, {"name", "a b"});
  submit("request_id: 'x' tags {key: 'k' value: '\\033[2J'} " + config, {"tags", "control character"});
  submit("request_id: 'x' submitter: '\\033[2J' " + config, {"submitter", "control character"});
  submit("request_id: '" + std::string(129, 'x') + "' " + config, {"request_id", "128 bytes"});
  submit(
      "request_id: 'x' config {data {set: DATA_SET_GAUSSIANS class_names: ['a', '\\033[2J']} "
      "model {type: MODEL_TYPE_LINEAR}}",
      {"data.class_names.1", "control characters"});
  submit("request_id: 'x' config {data {set: DATA_SET_IDX path: '" + std::string(70'000, 'x') +
             "'} model {type: MODEL_TYPE_LINEAR}}",
         {"config", "at most 65536"});
  std::string seeds;
  for (int seed = 0; seed < 1001; ++seed) seeds += " seeds: " + std::to_string(seed);
  submit("request_id: 'x' " + config + seeds, {"1000 runs"});

  expect(stub, &Stub::CheckConfig, "", invalid, {"data"});
  expect(stub, &Stub::GetRun, "", invalid, {"name", "names a run"});
  expect(stub, &Stub::GetRun, "name: 'experiments/-/runs/zzzzzzzz'", StatusCode::NOT_FOUND,
         {"zzzzzzzz", "hooke runs list"});
  expect(stub, &Stub::GetRun, "name: 'experiments/other/runs/" + runs_[0] + "'", StatusCode::NOT_FOUND,
         {"'queued'", "'other'"});
  expect(stub, &Stub::GetExperiment, "name: 'experiments/none'", StatusCode::NOT_FOUND, {"none"});
  expect(stub, &Stub::ListExperiments, "page_size: -1", invalid, {"page_size", "-1"});
  expect(stub, &Stub::ListExperiments, "page_token: 'nonsense'", invalid, {"page_token"});
  const std::string everything = "parent: 'experiments/-' ";
  expect(stub, &Stub::ListExperiments, "filter: 'x ='", invalid, {"filter", "character 4", "a value"});
  expect(stub, &Stub::ListExperiments, "filter: 'seed = 1'", invalid, {"'seed'", "run_count"});
  expect(stub, &Stub::ListExperiments, "order_by: 'seed'", invalid, {"order_by", "'seed'"});
  expect(stub, &Stub::ListRuns, everything + "filter: 'state = DONE'", invalid,
         {"filter", "'DONE'", "running"});
  expect(stub, &Stub::ListRuns, everything + "filter: '" + std::string(1 << 20, '(') + "'", invalid,
         {"filter", "1048576 bytes"});
  expect(stub, &Stub::ListRuns, everything + "order_by: 'seed up'", invalid, {"order_by", "'up'", "desc"});
  expect(stub, &Stub::ListRuns, "parent: ''", invalid, {"parent"});
  expect(stub, &Stub::ListRuns, "parent: 'experiments/none'", StatusCode::NOT_FOUND, {"none"});
  expect(stub, &Stub::ListRuns, "parent: 'experiments/-' page_token: '%'", invalid, {"page_token"});
  expect(stub, &Stub::Lookup, "", invalid, {"reference"});
  expect(stub, &Stub::Lookup, "reference: 'nothing'", StatusCode::NOT_FOUND, {"nothing", "hooke runs list"});
  expect(stub, &Stub::CancelRun, "name: 'zzzzzzzz'", StatusCode::NOT_FOUND, {"zzzzzzzz"});
  expect(stub, &Stub::RetryRun, "name: '" + runs_[0] + "'", StatusCode::FAILED_PRECONDITION, {runs_[0]});
  expect(stub, &Stub::ExtendRun, "name: '" + runs_[0] + "'", invalid, {"epochs", "more than the 1"});
  expect(stub, &Stub::ExtendRun, "name: '" + runs_[0] + "' epochs: 99999999", invalid, {"training.epochs"});
  expect(stub, &Stub::ExtendRun, "name: '" + runs_[0] + "' epochs: 9", StatusCode::FAILED_PRECONDITION,
         {runs_[0], "is queued"});
  expect(stub, &Stub::ExtendRun, "name: 'zzzzzzzz' epochs: 9", StatusCode::NOT_FOUND, {"zzzzzzzz"});
  expect(stub, &Stub::ListWorkers, "page_size: -3", invalid, {"page_size"});
  expect(stub, &Stub::UpdateTags, "name: 'nothing'", StatusCode::NOT_FOUND, {"name", "nothing"});
  expect(stub, &Stub::UpdateTags, "name: 'queued' set {key: '' value: 'v'}", invalid, {"set", "key"});
  std::string keys;
  for (int i = 0; i < 65; ++i) keys += " remove: 'k" + std::to_string(i) + "'";
  expect(stub, &Stub::UpdateTags, "name: 'queued'" + keys, invalid, {"remove", "65", "at most 64"});
  expect(stub, &Stub::UpdateNote, "note: 'x'", invalid, {"name", "empty"});
  expect(stub, &Stub::UpdateNote, "name: 'queued' note: '" + std::string((64 << 10) + 1, 'x') + "'", invalid,
         {"note", "at most 65536"});
  expect(stub, &Stub::Archive, "name: 'experiments/none'", StatusCode::NOT_FOUND, {"name", "none"});
  const std::string long_name(1 << 20, 'x');
  expect(stub, &Stub::GetRun, "name: '" + long_name + "'", StatusCode::NOT_FOUND, {"xxx", "…"});
}

TEST_F(BadInput, QueryService) {
  using Stub = v1::QueryService::Stub;
  auto& stub = *house_->queries;
  const auto invalid = StatusCode::INVALID_ARGUMENT;
  const auto missing = StatusCode::NOT_FOUND;
  const std::string run = "run: '" + [] {
    v1::LookupRequest request;
    request.set_reference("measured");
    v1::ListRunsRequest list;
    list.set_parent("experiments/measured");
    v1::ListRunsResponse runs;
    Context context;
    house_->experiments->ListRuns(&context, list, &runs);
    return runs.runs(0).run_id();
  }() + "' ";
  expect(stub, &Stub::ListSeries, "", invalid, {"run"});
  expect(stub, &Stub::ListSeries, run + "page_size: -1", invalid, {"page_size"});
  expect(stub, &Stub::GetSeries, run, invalid, {"keys", "at least one"});
  expect(stub, &Stub::GetSeries, run + "keys: 'train/accuracy'", missing, {"train/accuracy", "train/loss"});
  expect(stub, &Stub::GetSeries, run + "keys: 'elasticity/kl'", invalid, {"matrix", "[RESPONDING,UPDATED]"});
  expect(stub, &Stub::GetSeries, run + "keys: 'train/loss.dominance'", invalid, {"not a matrix"});
  expect(stub, &Stub::GetSeries, run + "keys: 'elasticity/kl[a,c]'", missing, {"'c'", "a, b"});
  expect(stub, &Stub::GetSeries, run + "keys: 'elasticity/kl[a]'", invalid, {"two classes"});
  expect(stub, &Stub::GetSeries, run + "keys: 'train/loss' points: -1", invalid, {"points"});
  expect(stub, &Stub::GetSeries, run + "keys: 'train/loss' points: 9999999", invalid, {"points", "100000"});
  expect(stub, &Stub::GetSeries, run + "keys: 'train/loss' from_step: 5 to_step: 4", invalid,
         {"from_step", "4"});
  expect(stub, &Stub::GetSeries, run + "keys: 'train/loss' page_token: '9:1'", invalid, {"page_token"});
  expect(stub, &Stub::GetSeries, run + "keys: 'train/loss' points: 5 page_token: '0:1'", invalid,
         {"page_token"});

  const std::string parent = "parent: 'measured' ";
  expect(stub, &Stub::GetInfluence, "parent: 'queued'", StatusCode::FAILED_PRECONDITION, {"queued", "no"});
  expect(stub, &Stub::GetInfluence, "parent: '" + runs_[0] + "'", StatusCode::FAILED_PRECONDITION,
         {runs_[0], "queued", "no class-by-class measurement"});
  expect(stub, &Stub::GetInfluence, "parent: 'nothing'", missing, {"nothing"});
  expect(stub, &Stub::GetInfluence, parent + "measure: 'l1'", missing, {"measure", "'l1'", "kl"});
  expect(stub, &Stub::GetInfluence, parent + "update: 'large'", missing, {"update", "'large'", "small"});
  expect(stub, &Stub::GetInfluence, parent + "step: 17", missing, {"step 17", "from 0 to 4"});
  expect(stub, &Stub::GetInfluence, parent + "from_step: 17", missing, {"window", "from 0 to 4"});
  expect(stub, &Stub::GetInfluence, parent + "step: 1 phase: 1", invalid, {"ask for one"});
  expect(stub, &Stub::GetInfluence, parent + "phase: 0", invalid, {"phase"});
  expect(stub, &Stub::GetInfluence, parent + "from_step: 3 to_step: 2", invalid, {"from_step"});
  const auto differ = [&](const std::string& side, const std::string& against, const std::string& rest,
                          StatusCode code, const std::vector<std::string>& words) {
    expect(stub, &Stub::GetInfluenceDifference,
           "side {parent: 'measured' " + side + "} against {parent: 'measured' " + against + "} " + rest,
           code, words);
  };
  expect(stub, &Stub::GetInfluenceDifference, "", invalid, {"side.parent", "names a run"});
  expect(stub, &Stub::GetInfluenceDifference, "side {parent: 'measured'}", invalid, {"against.parent"});
  expect(stub, &Stub::GetInfluenceDifference, "side {parent: 'measured'} against {parent: 'nothing'}",
         missing, {"against.parent", "nothing"});
  expect(stub, &Stub::GetInfluenceDifference, "side {parent: 'measured'} against {parent: 'queued'}",
         StatusCode::FAILED_PRECONDITION, {"queued"});
  differ("measure: 'l1'", "", "", missing, {"side.measure", "'l1'", "kl"});
  differ("update: 'large'", "", "", missing, {"side.update", "'large'", "small"});
  differ("", "update: 'large'", "", missing, {"against.update", "'large'", "small"});
  differ("step: 17", "", "", missing, {"side.step", "step 17", "from 0 to 4"});
  differ("", "step: 17", "", missing, {"against.step", "step 17", "from 0 to 4"});
  differ("", "from_step: 17", "", missing, {"against.from_step", "window"});
  differ("step: 1", "step: 2 phase: 1", "", invalid, {"against.step", "ask for one"});
  differ("phase: 0", "", "", invalid, {"side.phase"});
  differ("", "from_step: 3 to_step: 2", "", invalid, {"against.from_step"});
  differ("step: 1", "step: 1", "", invalid, {"against", "the same as the other side"});
  differ("measure: 'kl'", "measure: 'l2'", "", invalid, {"against.measure", "'l2'", "'kl'"});
  for (const char* alpha : {"0", "-1", "0.6", "nan"})
    differ("step: 1", "step: 2", std::string("alpha: ") + alpha, invalid, {"alpha", "0.001 to 0.5"});
  for (const char* permutations : {"0", "-1", "98", "100000"})
    differ("step: 1", "step: 2", std::string("permutations: ") + permutations, invalid,
           {"permutations", permutations, "from 99 to 99999"});
  differ("step: 1", "step: 2", "pair_by_seed: true", invalid, {"pair_by_seed"});
  expect(stub, &Stub::GetPhases, parent, StatusCode::FAILED_PRECONDITION, {"at least 8", "5 usable"});
  expect(stub, &Stub::GetPhases, "parent: 'queued'", StatusCode::FAILED_PRECONDITION,
         {"no measurements of influence"});
  expect(stub, &Stub::GetPhases, parent + "series: 'x/y'", missing, {"x/y", "train/loss"});
  expect(stub, &Stub::GetPhases, parent + "level: 2", invalid, {"level", "2"});
  expect(stub, &Stub::GetPhases, parent + "max_knots: 50", invalid, {"max_knots", "50"});
  expect(stub, &Stub::GetPhases, parent + "resamples: 100000", invalid, {"resamples", "100000"});
  expect(stub, &Stub::GetPhases, parent + "families: 9", invalid, {"families", "9"});
  expect(stub, &Stub::GetPhases, parent + "series: 'train/loss' series: 'train/loss'", invalid,
         {"train/loss is asked twice"});
  expect(stub, &Stub::CompareRuns, "", invalid, {"runs", "2 to 8"});
  std::string names;
  for (int i = 0; i < 1001; ++i) names += " runs: 'measured'";
  expect(stub, &Stub::GetSeries, "keys: 'train/loss'" + names, invalid, {"runs", "1001", "at most 1000"});
  names.clear();
  for (int i = 0; i < 101; ++i) names += " keys: 'train/loss'";
  expect(stub, &Stub::GetSeries, run + names, invalid, {"keys", "101", "at most 100"});
}

TEST_F(BadInput, WorkerService) {
  using Stub = v1::WorkerService::Stub;
  auto& stub = *house_->workers;
  const auto invalid = StatusCode::INVALID_ARGUMENT;
  expect(stub, &Stub::Lease, "worker: 'w'", invalid, {"request_id"});
  expect(stub, &Stub::Lease, "request_id: 'bad-1'", invalid, {"worker"});
  expect(stub, &Stub::Lease, "request_id: 'bad-2' worker: 'w' run: 'zzzzzzzz'", StatusCode::NOT_FOUND,
         {"zzzzzzzz"});
  expect(stub, &Stub::Lease, "request_id: 'bad-3' worker: 'w' offline {uuid: 'u'}", invalid, {"at least 1"});
  const auto lease = [&](const std::string& text, const std::vector<std::string>& words) {
    expect(stub, &Stub::Lease, "request_id: 'bad-4' " + text, invalid, words);
  };
  lease("worker: '\\033[2J'", {"worker", "control character"});
  lease("worker: '" + std::string(129, 'w') + "'", {"worker", "128 bytes"});
  lease("worker: 'w' labels {key: 'gpu' value: '" + std::string(1001, 'x') + "'}", {"labels", "1000 bytes"});
  lease("worker: 'w' version: '" + std::string(101, 'x') + "'", {"version", "100 bytes"});
  lease("worker: 'w' devices: '\\033[2J'", {"devices", "control character"});
  std::string devices;
  for (int i = 0; i < 65; ++i) devices += " devices: 'cuda:0'";
  lease("worker: 'w'" + devices, {"devices", "65", "at most 64"});
  lease("worker: 'w' slurm {cluster: 'c' job_id: '" + std::string(129, '1') + "'}", {"slurm.job_id", "128"});
  expect(stub, &Stub::Heartbeat, "slurm {cluster: 'c' job_id: '1' nodes: '" + std::string(1025, 'n') + "'}",
         invalid, {"slurm.nodes", "1024"});
  std::string lines = "outcome: OUTCOME_FAILED";
  for (int i = 0; i < 201; ++i) lines += " log_tail: 'x'";
  expect(stub, &Stub::Finish, lines, invalid, {"log_tail", "200 lines"});
  expect(stub, &Stub::Heartbeat, "", StatusCode::FAILED_PRECONDITION, {"no run"});
  expect(stub, &Stub::Heartbeat, "attempt {run: '" + runs_[0] + "' attempt: 1 token: 'x'}",
         StatusCode::FAILED_PRECONDITION, {});
  expect(stub, &Stub::Finish, "", invalid, {"outcome"});
  expect(stub, &Stub::Finish, "outcome: 9", invalid, {"outcome", "9"});
}

TEST_F(BadInput, StreamsEndWithTheReason) {
  const auto ended = [&](const std::string& text) {
    v1::StreamRequest request;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &request));
    Context context;
    auto stream = house_->workers->Stream(&context);
    stream->Write(request);
    v1::StreamResponse response;
    EXPECT_FALSE(stream->Read(&response));
    return stream->Finish();
  };
  EXPECT_THAT(ended("batch {}").error_message(), HasSubstr("begins with `open`"));
  EXPECT_EQ(ended("").error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ended("open {run: 'zzzzzzzz'}").error_code(), StatusCode::FAILED_PRECONDITION)
      << "as one that was deleted";
  const auto fenced = ended("open {run: '" + runs_[0] + "' attempt: 1 token: 'x'}");
  EXPECT_EQ(fenced.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_FALSE(reason_of(fenced).empty()) << "a worker must be told why";
  Context context;
  auto stream = house_->workers->Stream(&context);
  stream->WritesDone();
  EXPECT_EQ(stream->Finish().error_code(), StatusCode::INVALID_ARGUMENT);

  const auto records = [&](const std::string& run) {
    v1::ReadRecordsRequest request;
    request.set_run(run);
    Context read_context;
    auto reader = house_->admin->ReadRecords(&read_context, request);
    v1::ReadRecordsResponse response;
    EXPECT_FALSE(reader->Read(&response));
    return reader->Finish().error_code();
  };
  EXPECT_EQ(records(""), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(records("nothing"), StatusCode::NOT_FOUND);

  const auto tail = [&](const std::string& text) {
    v1::TailRequest request;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &request));
    Context tail_context;
    auto reader = house_->queries->Tail(&tail_context, request);
    v1::TailResponse response;
    EXPECT_FALSE(reader->Read(&response));
    return reader->Finish();
  };
  EXPECT_THAT(tail("").error_message(), HasSubstr("names"));
  EXPECT_EQ(tail("names: 'nothing'").error_code(), StatusCode::NOT_FOUND);
  for (const std::string cursor : {"x", "[]",
                                   "{\\\""
                                   "RUN\\\":1}"}) {
    std::string text = "names: 'queued' cursor: \"" + cursor + "\"";
    if (const auto at = text.find("RUN"); at != std::string::npos) text.replace(at, 3, runs_[0]);
    EXPECT_THAT(tail(text).error_message(), HasSubstr("cursor")) << cursor;
  }
}

TEST_F(BadInput, AnErrorNamesItsFieldInTheDetails) {
  v1::GetInfluenceRequest request;
  request.set_parent("measured");
  request.set_measure("l1");
  v1::GetInfluenceResponse response;
  Context context;
  const auto status = house_->queries->GetInfluence(&context, request, &response);
  EXPECT_EQ(from_status(status).field(), "measure");
}

}  // namespace
}  // namespace hooke::services
