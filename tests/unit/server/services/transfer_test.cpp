// ExportRun and ImportSeries over a real channel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <map>

#include "server/ingest/limits.h"
#include "tests/unit/server/services/house.h"

namespace hooke::services {
namespace {

using grpc::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNoValue = std::numeric_limits<double>::quiet_NaN();

// What an export sent, series by series.
struct Exported {
  v1::Run run;
  std::vector<v1::ExportedSeries> series;
  std::map<std::string, v1::ExportedScalars> scalars;
  std::map<std::string, v1::ExportedMatrices> matrices;
  std::map<std::string, std::vector<v1::ExportedPairs>> pairs;

  void apply(const v1::ExportRunResponse& message) {
    EXPECT_LT(message.ByteSizeLong(), 4u << 20);
    if (message.has_run()) run = message.run();
    if (message.has_series()) series.push_back(message.series());
    if (message.has_scalars()) scalars[key()].MergeFrom(message.scalars());
    if (message.has_matrices()) matrices[key()].MergeFrom(message.matrices());
    if (message.has_pairs()) pairs[key()].push_back(message.pairs());
  }
  std::string key() const { return series.back().info().key(); }
};

class Transfer : public testing::Test {
 protected:
  Exported export_run(v1::ExportRunRequest request, StatusCode expected = StatusCode::OK) {
    Context context;
    const auto reader = house_.queries->ExportRun(&context, request);
    Exported exported;
    for (v1::ExportRunResponse message; reader->Read(&message);) exported.apply(message);
    status_ = reader->Finish();
    EXPECT_EQ(status_.error_code(), expected) << status_.error_message();
    return exported;
  }
  Exported export_run(const std::string& run) {
    v1::ExportRunRequest request;
    request.set_run(run);
    return export_run(request);
  }

  static v1::ImportSeriesRequest first(const std::string& name, const std::string& request_id = "import-1") {
    v1::ImportSeriesRequest request;
    request.set_experiment_id(name);
    request.set_request_id(request_id);
    return request;
  }
  static void add(v1::ImportSeriesRequest& to, const std::string& key, const std::vector<std::int64_t>& steps,
                  const std::vector<double>& values) {
    auto& column = *to.add_columns();
    column.set_key(key);
    column.mutable_step()->Add(steps.begin(), steps.end());
    column.mutable_value()->Add(values.begin(), values.end());
  }
  v1::ImportSeriesResponse import(const std::vector<v1::ImportSeriesRequest>& messages,
                                  StatusCode expected = StatusCode::OK) {
    Context context;
    v1::ImportSeriesResponse response;
    const auto writer = house_.experiments->ImportSeries(&context, &response);
    for (const auto& message : messages) writer->Write(message);
    writer->WritesDone();
    status_ = writer->Finish();
    EXPECT_EQ(status_.error_code(), expected) << status_.error_message();
    return response;
  }
  int experiments() {
    Context context;
    v1::ListExperimentsResponse response;
    EXPECT_TRUE(house_.experiments->ListExperiments(&context, {}, &response).ok());
    return response.experiments_size();
  }

  House house_;
  grpc::Status status_;
};

TEST_F(Transfer, AnExportHasEveryPointWithItsPlanesAndThePairs) {
  const std::string run = house_.submit()[0];
  WorkerEnd worker(house_, house_.lease(run));
  worker.start(100).probes({{7, 5}, {30, 4}});
  worker.declare("elasticity/kl", {"a", "b"}, 4).declare_pairs("elasticity/kl.pairs", {"a", "b"}, 2);
  worker.scalar("train/loss", 0, kNoValue).scalar("train/loss", 3, -kInf).scalar("train/loss", 7, 0.1);
  worker.matrix("elasticity/kl", 0, {1, 2, 3, 4}).matrix("elasticity/kl", 9, {5, 6, 7, INFINITY});
  worker.pairs("elasticity/kl.pairs", 9, 0, std::vector<float>(16, 1.5F));
  ASSERT_TRUE(worker.commit());

  const Exported all = export_run(run);
  EXPECT_EQ(all.run.run_id(), run);
  EXPECT_EQ(all.run.provenance().probes_size(), 2);
  EXPECT_FALSE(all.run.config_json().empty());
  ASSERT_EQ(all.series.size(), 3u);
  const auto& loss = all.scalars.at("train/loss");
  EXPECT_THAT(loss.step(), ElementsAre(0, 3, 7));
  EXPECT_THAT(loss.value(), ElementsAre(testing::IsNan(), -kInf, 0.1));
  EXPECT_EQ(loss.time_us_size(), 3);
  const auto& matrix = all.matrices.at("elasticity/kl");
  EXPECT_THAT(matrix.step(), ElementsAre(0, 9));
  ASSERT_EQ(matrix.planes(1).size(), 80u);
  float last_mean = 0;
  std::memcpy(&last_mean, matrix.planes(1).data() + 12, sizeof last_mean);
  EXPECT_EQ(last_mean, INFINITY);
  EXPECT_THAT(matrix.figures(), IsEmpty());
  EXPECT_THAT(all.series[0].eligible(), ElementsAre(4, 4, 4, 4));
  EXPECT_THAT(all.series[0].info().class_names(), ElementsAre("a", "b"));
  ASSERT_EQ(all.pairs.at("elasticity/kl.pairs").size(), 1u);
  EXPECT_EQ(all.pairs.at("elasticity/kl.pairs")[0].numerators().size(), 64u);
  EXPECT_EQ(all.series[1].info().count(), 1);

  v1::ExportRunRequest request;
  request.set_run(run);
  request.set_without_pairs(true);
  request.set_with_figures(true);
  const Exported figures = export_run(request);
  EXPECT_EQ(figures.series.size(), 2u);
  EXPECT_TRUE(figures.pairs.empty());
  // The figures are those that GetSeries gives.
  const auto& keys = figures.series[0].figure_keys();
  ASSERT_EQ(keys.size(), 2 * (3 + 2));
  v1::GetSeriesRequest ask;
  ask.set_run(run);
  ask.mutable_keys()->CopyFrom(keys);
  v1::GetSeriesResponse answer;
  Context context;
  ASSERT_TRUE(house_.queries->GetSeries(&context, ask, &answer).ok());
  const auto& sent = figures.matrices.at("elasticity/kl").figures();
  ASSERT_EQ(sent.size(), 2 * keys.size());
  for (int k = 0; k < keys.size(); ++k)
    for (int i = 0; i < 2; ++i) {
      const double asked = answer.columns(k).value(i), got = sent.Get(i * keys.size() + k);
      EXPECT_TRUE(asked == got || (std::isnan(asked) && std::isnan(got))) << keys.Get(k);
    }
}

TEST_F(Transfer, ALongSeriesComesInSeveralMessagesWithoutAGap) {
  constexpr int kPoints = 130'000;
  v1::ImportSeriesRequest message = first("long");
  for (int begin = 0; begin < kPoints; begin += 10'000) {
    auto& column = *message.add_columns();
    column.set_key("x");
    for (int step = begin; step < begin + 10'000; ++step) {
      column.add_step(2 * step);
      column.add_value(std::sin(step));
    }
  }
  message.set_last(true);
  const auto imported = import({message});
  EXPECT_EQ(imported.points(), kPoints);
  const Exported all = export_run(imported.run().run_id());
  const auto& column = all.scalars.at("x");
  ASSERT_EQ(column.step_size(), kPoints);
  for (int i = 0; i < kPoints; ++i) {
    ASSERT_EQ(column.step(i), 2 * i);
    ASSERT_EQ(column.value(i), std::sin(i));
  }
}

TEST_F(Transfer, AnExportOfNothingSaysWhatThereIs) {
  v1::ExportRunRequest request;
  request.set_run("nope");
  export_run(request, StatusCode::NOT_FOUND);
  EXPECT_THAT(status_.error_message(), HasSubstr("there is no run 'nope'"));
  const Exported queued = export_run(house_.submit()[0]);
  EXPECT_EQ(queued.run.state(), v1::RUN_STATE_QUEUED);
  EXPECT_TRUE(queued.series.empty());
}

TEST_F(Transfer, AnImportIsARunThatHasSucceededAndAnswers) {
  auto start = first("theirs");
  start.set_source("csv somewhere");
  add(start, "train/loss", {0, 5}, {kNoValue, -kInf});
  add(start, "x.dominance", {1}, {2});
  v1::ImportSeriesRequest more;
  add(more, "train/loss", {7}, {0.1});
  more.mutable_columns(0)->add_time_us(1'000'000);
  v1::ImportSeriesRequest last;
  last.set_last(true);
  const auto response = import({start, more, last});
  EXPECT_EQ(response.points(), 4);
  const v1::Run run = house_.run(response.run().run_id());
  EXPECT_EQ(run.state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_THAT(run.name(), HasSubstr("experiments/theirs/runs/"));
  EXPECT_EQ(run.step(), 7);
  EXPECT_EQ(run.note(), "imported from csv somewhere");
  const Exported all = export_run(run.run_id());
  EXPECT_THAT(all.scalars.at("train/loss").step(), ElementsAre(0, 5, 7));
  EXPECT_THAT(all.scalars.at("train/loss").value(), ElementsAre(testing::IsNan(), -kInf, 0.1));
  EXPECT_EQ(all.scalars.at("train/loss").time_us(2), 1'000'000);
  EXPECT_THAT(all.scalars.at("x.dominance").value(), ElementsAre(2));
}

TEST_F(Transfer, ARepeatedImportIsOneAndATakenNameGetsANumber) {
  auto whole = first("theirs");
  add(whole, "x", {0}, {1});
  whole.set_last(true);
  const auto once = import({whole});
  EXPECT_EQ(import({whole}).run().run_id(), once.run().run_id());
  EXPECT_EQ(experiments(), 1);
  auto other = whole;
  other.mutable_columns(0)->set_value(0, 2);
  import({other}, StatusCode::ALREADY_EXISTS);
  EXPECT_THAT(status_.error_message(), HasSubstr("was used for another request"));
  other.set_request_id("import-2");
  EXPECT_THAT(import({other}).run().name(), HasSubstr("experiments/theirs-2/"));
}

TEST_F(Transfer, ABadImportChangesNothing) {
  using Edit = std::function<void(v1::ImportSeriesRequest&)>;
  const std::vector<std::pair<Edit, std::string>> rows = {
      {[](auto& m) { m.clear_experiment_id(); }, "experiment_id"},
      {[](auto& m) { m.set_experiment_id("a/b"); }, "'a/b' is not allowed"},
      {[](auto& m) { m.clear_request_id(); }, "request_id"},
      {[](auto& m) { m.set_source(std::string(2000, 'x')); }, "source"},
      {[](auto& m) { m.clear_columns(); }, "there is no point to import"},
      {[](auto& m) { m.clear_last(); }, "before its last message"},
      {[](auto& m) { m.mutable_columns(0)->set_key(""); }, "a key must not be empty"},
      {[](auto& m) { m.mutable_columns(0)->set_key("a\nb"); }, "printable"},
      {[](auto& m) { m.mutable_columns(0)->set_key(std::string(257, 'k')); }, "too long"},
      {[](auto& m) { m.mutable_columns(0)->add_step(9); }, "3 steps, 2 values and 0 times"},
      {[](auto& m) { m.mutable_columns(0)->add_time_us(9); }, "2 steps, 2 values and 1 times"},
      {[](auto& m) { m.mutable_columns(0)->set_step(0, -1); }, "step -1 is negative"},
      {[](auto& m) { m.mutable_columns(0)->set_step(1, 4); }, "series x, step 4: comes after step 4"},
      {[](auto& m) { add(m, "x", {5}, {1}); }, "series x, step 5: comes after step 5"},
  };
  for (const auto& [edit, text] : rows) {
    auto message = first("theirs");
    add(message, "x", {4, 5}, {1, 2});
    message.set_last(true);
    edit(message);
    import({message}, StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(status_.error_message(), HasSubstr(text));
  }
  auto message = first("theirs");
  add(message, "x", {4}, {1});
  auto again = message;
  import({message, again}, StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status_.error_message(), HasSubstr("belong to the first message alone"));
  message.set_last(true);
  import({message, v1::ImportSeriesRequest()}, StatusCode::INVALID_ARGUMENT);
  import({}, StatusCode::INVALID_ARGUMENT);
  {  // a client that goes away
    Context context;
    v1::ImportSeriesResponse response;
    message.clear_last();
    const auto writer = house_.experiments->ImportSeries(&context, &response);
    writer->Write(message);
    context.TryCancel();
    EXPECT_FALSE(writer->Finish().ok());
  }
  EXPECT_EQ(experiments(), 0);
}

struct OpenImport {
  explicit OpenImport(House& house) : writer(house.experiments->ImportSeries(&context, &response)) {}
  Context context;
  v1::ImportSeriesResponse response;
  std::unique_ptr<grpc::ClientWriter<v1::ImportSeriesRequest>> writer;
};

// Was: they held their places for as long as their connections lived.
TEST(IdleImports, AreGivenUpWithAReasonAndLeaveTheirPlaces) {
  AppOptions options;
  options.import_idle = std::chrono::seconds(1);
  House house(false, options);
  v1::ImportSeriesRequest message;
  message.set_experiment_id("theirs");
  message.set_request_id("import-1");
  std::vector<std::unique_ptr<OpenImport>> idle;
  for (int i = 0; i < ingest::kMaxImports; ++i) {
    idle.push_back(std::make_unique<OpenImport>(house));
    ASSERT_TRUE(idle.back()->writer->Write(message));
  }
  for (const auto& import : idle) {
    const auto status = import->writer->Finish();  // there was no last message
    EXPECT_EQ(status.error_code(), StatusCode::DEADLINE_EXCEEDED);
    EXPECT_THAT(status.error_message(), HasSubstr("nothing has come for 1 s"));
  }
  auto& column = *message.add_columns();
  column.set_key("x");
  column.add_step(1);
  column.add_value(2);
  message.set_last(true);
  OpenImport next(house);
  next.writer->WriteLast(message, grpc::WriteOptions());
  const auto status = next.writer->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
}

}  // namespace
}  // namespace hooke::services
