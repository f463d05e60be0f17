// Runs side by side, over a real channel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/unit/server/services/house.h"

namespace hooke::services {
namespace {

using grpc::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Compare : public testing::Test {
 protected:
  // Two runs that differ in their learning rate and hidden layers.
  std::vector<std::string> submit_sweep() {
    v1::SubmitExperimentRequest request;
    request.set_request_id("sweep");
    *request.mutable_config() = House::config();
    request.mutable_config()->mutable_model()->set_type(v1::MODEL_TYPE_MLP);
    request.set_experiment_id("sweep");
    auto* axis = request.add_sweep();
    axis->set_field("training.lr");
    axis->add_values("0.1");
    axis->add_values("0.01");
    v1::SubmitExperimentResponse response;
    Context context;
    const auto status = house_.experiments->SubmitExperiment(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return {response.runs(0).run_id(), response.runs(1).run_id()};
  }

  // Values at these steps.
  void train(const std::string& run, const std::vector<std::pair<std::int64_t, double>>& loss,
             bool matrix = false) {
    WorkerEnd worker(house_, house_.lease(run));
    worker.start(1000);
    if (matrix) worker.declare("elasticity/kl", {"a", "b"}, 16).matrix("elasticity/kl", 0, {3, 1, 1, 3});
    for (const auto& [step, value] : loss) worker.scalar("train/loss", step, value);
    ASSERT_TRUE(worker.commit());
    ASSERT_TRUE(worker.close().ok());
  }

  grpc::Status call(const v1::CompareRunsRequest& request, v1::CompareRunsResponse& response) {
    Context context;
    return house_.queries->CompareRuns(&context, request, &response);
  }

  v1::CompareRunsResponse compare(const std::vector<std::string>& runs,
                                  const std::vector<std::string>& keys = {}, int points = 0) {
    v1::CompareRunsRequest request;
    request.mutable_runs()->Add(runs.begin(), runs.end());
    request.mutable_keys()->Add(keys.begin(), keys.end());
    request.set_points(points);
    v1::CompareRunsResponse response;
    const auto status = call(request, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  void expect_refused(const std::vector<std::string>& runs, const std::vector<std::string>& keys, int points,
                      StatusCode code, const std::vector<std::string>& words) {
    v1::CompareRunsRequest request;
    request.mutable_runs()->Add(runs.begin(), runs.end());
    request.mutable_keys()->Add(keys.begin(), keys.end());
    request.set_points(points);
    v1::CompareRunsResponse response;
    const auto status = call(request, response);
    EXPECT_EQ(status.error_code(), code) << status.error_message();
    for (const auto& word : words) EXPECT_THAT(status.error_message(), HasSubstr(word));
  }

  House house_;
};

TEST_F(Compare, TellsTheParametersThatDifferAndThoseAlone) {
  const auto runs = submit_sweep();
  const auto two = compare({runs[0], "experiments/-/runs/" + runs[1]});
  EXPECT_THAT(two.runs(),
              ElementsAre("experiments/sweep/runs/" + runs[0], "experiments/sweep/runs/" + runs[1]));
  std::vector<std::string> fields;
  for (const auto& row : two.parameters()) {
    fields.push_back(row.field());
    if (row.field() == "training.lr") {
      EXPECT_THAT(row.values(), ElementsAre("0.1", "0.01"));
    }
  }
  // The updates of the probes take the learning rate of the training.
  EXPECT_THAT(fields, ElementsAre("training.lr", "probes.updates.0.lr"));
  EXPECT_THAT(two.latest(), IsEmpty());
  EXPECT_THAT(two.series(), IsEmpty());

  // One that has other parameters altogether.
  const auto other = house_.submit(1, "linear")[0];
  bool seen = false;
  const auto unlike = compare({runs[0], other});
  for (const auto& row : unlike.parameters()) {
    if (row.field() != "model.hidden") continue;
    seen = true;
    EXPECT_NE(row.values(0), "");
    EXPECT_EQ(row.values(1), "") << "a linear model has none";
  }
  EXPECT_TRUE(seen);
}

TEST_F(Compare, LatestValuesStandSideBySideNaNAmongThem) {
  const auto runs = house_.submit(3);
  train(runs[0], {{0, 2.0}, {1, 0.5}});
  train(runs[1], {{7, std::numeric_limits<double>::quiet_NaN()}});
  const auto all = compare(runs);
  ASSERT_EQ(all.latest_size(), 1);
  const auto& row = all.latest(0);
  EXPECT_EQ(row.key(), "train/loss");
  ASSERT_EQ(row.cells_size(), 3);
  EXPECT_EQ(row.cells(0).step(), 1);
  EXPECT_EQ(row.cells(0).value(), 0.5);
  EXPECT_TRUE(std::isnan(row.cells(1).value()));
  EXPECT_FALSE(row.cells(2).has_value());
  EXPECT_EQ(all.latest_omitted(), 0);
}

TEST_F(Compare, SeriesAreAlignedOverTheUnionOfTheirSteps) {
  const auto runs = house_.submit(3);
  train(runs[0], {{0, 1.0}, {2, 3.0}, {4, 5.0}}, true);
  train(runs[1], {{1, 10.0}, {2, 30.0}});
  const auto all = compare(runs, {"train/loss", "elasticity/kl.dominance"});
  ASSERT_EQ(all.series_size(), 2);
  const auto& loss = all.series(0);
  EXPECT_THAT(loss.step(), ElementsAre(0, 1, 2, 4));
  ASSERT_EQ(loss.columns_size(), 3);
  EXPECT_THAT(loss.columns(0).step(), ElementsAre(0, 2, 4));
  EXPECT_THAT(loss.columns(1).value(), ElementsAre(10.0, 30.0));
  EXPECT_THAT(loss.columns(2).step(), IsEmpty()) << "it has not begun";
  EXPECT_THAT(all.series(1).columns(0).value(), ElementsAre(2.0));
  EXPECT_THAT(all.series(1).step(), ElementsAre(0));
}

// Each run's own extremes would be at other steps: all have values where any is drawn.
TEST_F(Compare, ThinnedSeriesHaveTheValuesOfAllRunsWhereOneIsDrawn) {
  const auto runs = house_.submit(2);
  std::vector<std::pair<std::int64_t, double>> rising, spiked;
  for (int step = 0; step < 500; ++step) {
    rising.emplace_back(step, step);
    spiked.emplace_back(step, step == 123 ? 1e9 : 0.0);
  }
  train(runs[0], rising);
  train(runs[1], spiked);
  const auto few = compare(runs, {"train/loss"}, 20).series(0);
  EXPECT_LE(few.step_size(), 40);
  EXPECT_GE(few.step_size(), 10);
  EXPECT_EQ(few.step(0), 0);
  EXPECT_EQ(*few.step().rbegin(), 499);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(few.columns(i).count(), 500);
    EXPECT_EQ(std::vector(few.columns(i).step().begin(), few.columns(i).step().end()),
              std::vector(few.step().begin(), few.step().end()));
  }
  const auto at = std::find(few.step().begin(), few.step().end(), 123) - few.step().begin();
  ASSERT_LT(at, few.step_size()) << "an extreme is never lost";
  EXPECT_EQ(few.columns(0).value(static_cast<int>(at)), 123);
  EXPECT_EQ(few.columns(1).value(static_cast<int>(at)), 1e9);
}

TEST_F(Compare, WhatCannotBeComparedIsRefused) {
  const auto runs = house_.submit(9);
  train(runs[0], {{0, 1.0}});
  const auto invalid = StatusCode::INVALID_ARGUMENT;
  expect_refused({}, {}, 0, invalid, {"runs", "0", "2 to 8"});
  expect_refused({runs[0]}, {}, 0, invalid, {"runs", "names 1", "2 to 8"});
  expect_refused(runs, {}, 0, invalid, {"runs", "names 9", "2 to 8"});
  expect_refused({runs[0], runs[0]}, {}, 0, invalid, {runs[0], "twice"});
  expect_refused({runs[0], "zzzzzzzz"}, {}, 0, StatusCode::NOT_FOUND, {"runs", "zzzzzzzz"});
  expect_refused({runs[0], runs[1]}, {"test/loss"}, 0, StatusCode::NOT_FOUND,
                 {"keys", "test/loss", "train/loss"});
  expect_refused({runs[0], runs[1]}, {"train/loss", "train/loss"}, 0, invalid, {"keys", "twice"});
  expect_refused({runs[0], runs[1]}, {"train/loss"}, -1, invalid, {"points", "-1"});
  expect_refused({runs[0], runs[1]}, {"train/loss"}, 100'000, invalid, {"points", "from 1 to 25000"});
}

}  // namespace
}  // namespace hooke::services
