// Submit -> lease -> stream -> query, over a real channel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cmath>
#include <limits>

#include "tests/unit/server/services/house.h"

namespace hooke::services {
namespace {

using testing::ElementsAre;

constexpr int kSteps = 60;

class RoundTrip : public testing::Test {
 protected:
  // Trains a run: the loss falls, dominance (on the log scale) rises until step 30 and then stays.
  void train(const std::string& id, double shift = 0) {
    WorkerEnd worker(house_, house_.lease(id));
    worker.start(kSteps).declare("elasticity/kl", {"a", "b"}, 16).declare("elasticity/loss", {"a", "b"}, 16);
    for (int step = 0; step < kSteps; ++step) {
      const double dominance = (1 + shift) * std::exp(0.05 * std::min(step, 30) + 0.005 * ((step * 7) % 5));
      const auto own = static_cast<float>(0.375 + dominance);
      worker.scalar("train/loss", step,
                    step == 7 ? std::numeric_limits<double>::quiet_NaN() : 1.0 / (1 + step));
      worker.matrix("elasticity/kl", step, {own, 0.25F, 0.5F, own});
      worker.matrix("elasticity/loss", step, {own, -0.25F, -0.5F, own});
    }
    worker.barrier(kSteps - 1).succeed();
    ASSERT_TRUE(worker.commit());
    ASSERT_TRUE(worker.close().ok());
    const auto status = worker.finish(v1::OUTCOME_SUCCEEDED);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  template <class Request, class Response>
  Response ask(grpc::Status (v1::QueryService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                              Response*),
               const Request& request) {
    Response response;
    Context context;
    const auto status = ((*house_.queries).*method)(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  v1::GetSeriesResponse series(const std::string& run, const std::vector<std::string>& keys, int points = 0) {
    v1::GetSeriesRequest request;
    request.set_run(run);
    request.mutable_keys()->Add(keys.begin(), keys.end());
    request.set_points(points);
    return ask(&v1::QueryService::Stub::GetSeries, request);
  }

  House house_;
};

TEST_F(RoundTrip, WhatAWorkerSendsIsWhatIsAnswered) {
  const std::string run = house_.submit()[0];
  EXPECT_EQ(house_.run(run).state(), v1::RUN_STATE_QUEUED);
  train(run);
  const auto done = house_.run(run);
  EXPECT_EQ(done.state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_EQ(done.step(), kSteps - 1);
  EXPECT_EQ(done.total_steps(), kSteps);
  EXPECT_EQ(done.history_size(), 3);
  EXPECT_EQ(done.config().model().type(), v1::MODEL_TYPE_LINEAR);

  const auto all = series(run, {"train/loss", "elasticity/kl[a,b]", "elasticity/kl.dominance",
                                "elasticity/kl.ratio.dominance", "elasticity/kl.selectivity[a]"});
  ASSERT_EQ(all.columns_size(), 5);
  EXPECT_EQ(all.columns(0).count(), kSteps);
  EXPECT_EQ(all.columns(0).step_size(), kSteps);
  EXPECT_TRUE(std::isnan(all.columns(0).value(7)));
  EXPECT_EQ(all.columns(0).value(1), 0.5);
  EXPECT_EQ(all.columns(1).value(3), 0.25) << "row responds, column is updated";
  EXPECT_EQ(all.columns(1).sd(3), 0.5);
  EXPECT_NEAR(all.columns(2).value(0), 1, 1e-6);
  EXPECT_NEAR(all.columns(3).value(0), 10, 1e-5);
  EXPECT_NEAR(all.columns(4).value(0), 1.375 / 0.9375, 1e-6);

  const auto few = series(run, {"train/loss"}, 10);
  EXPECT_EQ(few.columns(0).count(), kSteps);
  EXPECT_LE(few.columns(0).step_size(), 10);
  EXPECT_EQ(few.columns(0).step(0), 0);
  EXPECT_EQ(*few.columns(0).step().rbegin(), kSteps - 1);

  v1::ListSeriesRequest list;
  list.set_run(run);
  const auto info = ask(&v1::QueryService::Stub::ListSeries, list);
  ASSERT_EQ(info.series_size(), 3);
  EXPECT_EQ(info.series(0).key(), "elasticity/kl");
  EXPECT_THAT(info.series(0).class_names(), ElementsAre("a", "b"));
  EXPECT_EQ(info.series(2).count(), kSteps);
}

TEST_F(RoundTrip, InfluenceOfARunAndOfAnExperiment) {
  const auto runs = house_.submit(3, "three");
  train(runs[0], 0);
  train(runs[1], 1);
  v1::GetInfluenceRequest request;
  request.set_parent(runs[0]);
  request.set_step(0);
  const auto one = ask(&v1::QueryService::Stub::GetInfluence, request);
  EXPECT_EQ(one.key(), "elasticity/kl") << "the first measure";
  EXPECT_EQ(one.shown(), "mean");
  EXPECT_FALSE(one.is_signed());
  EXPECT_THAT(one.steps(), ElementsAre(0));
  ASSERT_EQ(one.cells_size(), 4);
  EXPECT_EQ(one.cells(1).mean(), 0.25);
  EXPECT_EQ(one.cells(1).sd(), 0.5);
  EXPECT_EQ(one.cells(1).count(), 16);
  EXPECT_NEAR(one.dominance().value(), 1, 1e-6);
  EXPECT_FALSE(one.dominance().has_low());

  request.set_parent("three");
  const auto two = ask(&v1::QueryService::Stub::GetInfluence, request);
  EXPECT_EQ(two.runs_size(), 2) << "the queued run is left out";
  EXPECT_EQ(two.cells(0).mean(), 1.875);
  EXPECT_NEAR(two.cells(0).sd(), std::sqrt(0.5), 1e-6);
  EXPECT_EQ(two.cells(0).count(), 32);

  request.clear_step();
  EXPECT_THAT(ask(&v1::QueryService::Stub::GetInfluence, request).steps(), ElementsAre(kSteps - 1));
  request.set_from_step(10);
  request.set_to_step(12);
  EXPECT_THAT(ask(&v1::QueryService::Stub::GetInfluence, request).steps(), ElementsAre(10, 11, 12));

  request.set_measure("loss");
  const auto loss = ask(&v1::QueryService::Stub::GetInfluence, request);
  EXPECT_TRUE(loss.is_signed());
  EXPECT_EQ(loss.shown(), "ratio_of_means");
  EXPECT_GT(loss.dominance().value(), 10) << "ratios of means are ten times the means here";

  train(runs[2], 2);
  EXPECT_TRUE(ask(&v1::QueryService::Stub::GetInfluence, request).dominance().has_low());
  request.clear_from_step();
  request.clear_to_step();
  request.set_phase(2);
  const auto phase = ask(&v1::QueryService::Stub::GetInfluence, request);
  EXPECT_NEAR(phase.steps(0), 31, 2);
  EXPECT_EQ(*phase.steps().rbegin(), kSteps - 1);
}

TEST_F(RoundTrip, PhasesOfAnExperimentCountTheSeedsThatAgree) {
  const auto runs = house_.submit(3, "phases");
  train(runs[0]);
  train(runs[1], 0.01);
  v1::GetPhasesRequest request;
  request.set_parent("phases");
  const auto phases = ask(&v1::QueryService::Stub::GetPhases, request);
  ASSERT_EQ(phases.runs_size(), 2);
  ASSERT_EQ(phases.left_out_size(), 1) << "the queued run";
  EXPECT_EQ(phases.left_out(0).run(), "experiments/phases/runs/" + runs[2]);
  EXPECT_THAT(phases.left_out(0).reason(), testing::HasSubstr("no measurements of influence yet"));
  for (const auto& run : phases.runs()) {
    EXPECT_EQ(run.series(), "elasticity/kl.dominance");
    EXPECT_EQ(run.scale(), v1::SCALE_LOG);
    EXPECT_EQ(run.verdict(), v1::VERDICT_TRANSITION);
    ASSERT_EQ(run.transitions_size(), 1);
    EXPECT_NEAR(run.transitions(0).step(), 30, 1);
    EXPECT_EQ(run.transitions(0).seeds(), 2);
    ASSERT_EQ(run.segments_size(), 2);
    EXPECT_EQ(run.segments(0).kind(), v1::PHASE_KIND_ELASTIC);
    EXPECT_EQ(run.segments(1).kind(), v1::PHASE_KIND_INELASTIC);
  }
}

TEST_F(RoundTrip, PhasesOfSeveralSeriesSayWhichChangeTogether) {
  const auto runs = house_.submit(2, "together");
  train(runs[0]);
  train(runs[1], 0.01);
  v1::GetPhasesRequest request;
  request.set_parent("together");
  request.add_series("elasticity/kl.dominance");
  request.add_series("elasticity/kl.ratio.dominance");
  const auto phases = ask(&v1::QueryService::Stub::GetPhases, request);
  ASSERT_EQ(phases.runs_size(), 4);
  for (const auto& run : phases.runs()) {
    EXPECT_EQ(run.fitted_step_size(), run.fitted_value_size());
    EXPECT_GT(run.fitted_step_size(), 30);
    EXPECT_EQ(run.transitions(0).seeds(), 2) << "seeds, not series";
  }
  // Both series over the runs, then both runs over the series.
  ASSERT_EQ(phases.agreements_size(), 4);
  for (const auto& agreement : phases.agreements()) {
    EXPECT_NEAR(agreement.step(), 30, 1);
    EXPECT_EQ(agreement.members_size(), 2);
    EXPECT_EQ(agreement.of(), 2);
  }
  EXPECT_EQ(phases.agreements(0).series(), "elasticity/kl.dominance");
  EXPECT_EQ(phases.agreements(0).run(), "");
  EXPECT_EQ(phases.agreements(2).series(), "");
  EXPECT_EQ(phases.agreements(2).run(), phases.runs(0).run());
  EXPECT_EQ(phases.agreements(2).members(1), "elasticity/kl.ratio.dominance");
}

TEST_F(RoundTrip, ASubmitMakesTheProductOfSweepAndSeedsOnce) {
  v1::SubmitExperimentRequest request;
  request.set_request_id("once");
  *request.mutable_config() = House::config();
  request.set_experiment_id("sweep");
  request.add_seeds(5);
  request.add_seeds(6);
  auto* axis = request.add_sweep();
  axis->set_field("training.lr");
  axis->add_values("0.1");
  axis->add_values("0.01");
  request.set_validate_only(true);
  v1::SubmitExperimentResponse first, second;
  {
    Context context;
    ASSERT_TRUE(house_.experiments->SubmitExperiment(&context, request, &first).ok());
    EXPECT_EQ(first.runs_size(), 4);
    v1::ListExperimentsResponse list;
    Context list_context;
    ASSERT_TRUE(house_.experiments->ListExperiments(&list_context, {}, &list).ok());
    EXPECT_EQ(list.experiments_size(), 0) << "validate_only stores nothing";
  }
  request.set_validate_only(false);
  for (auto* response : {&first, &second}) {
    Context context;
    const auto status = house_.experiments->SubmitExperiment(&context, request, response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  ASSERT_EQ(first.runs_size(), 4);
  EXPECT_EQ(first.runs(1).config().training().lr(), 0.1);
  EXPECT_EQ(first.runs(1).seed(), 6);
  EXPECT_EQ(first.runs(2).config().training().lr(), 0.01);
  EXPECT_EQ(first.runs(2).sweep().at("training.lr"), "0.01");
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(first.runs(i).name(), second.runs(i).name()) << "repeated, it is the same";

  v1::ListRunsRequest list;
  list.set_parent("experiments/sweep");
  list.set_page_size(3);
  v1::ListRunsResponse page;
  Context context, next_context;
  ASSERT_TRUE(house_.experiments->ListRuns(&context, list, &page).ok());
  EXPECT_EQ(page.runs_size(), 3);
  list.set_page_token(page.next_page_token());
  ASSERT_TRUE(house_.experiments->ListRuns(&next_context, list, &page).ok());
  EXPECT_EQ(page.runs_size(), 1);
  EXPECT_EQ(page.next_page_token(), "");
}

TEST_F(RoundTrip, AReferenceIsANameAnIdOrAPrefix) {
  const auto runs = house_.submit(40, "many");
  const auto lookup = [&](const std::string& reference) {
    v1::LookupRequest request;
    request.set_reference(reference);
    v1::LookupResponse response;
    Context context;
    const auto status = house_.experiments->Lookup(&context, request, &response);
    if (!status.ok()) return status.error_message();
    return response.has_run() ? response.run().run_id() : response.experiment().name();
  };
  EXPECT_EQ(lookup("many"), "experiments/many");
  EXPECT_EQ(lookup(runs[3]), runs[3]);
  EXPECT_EQ(lookup(runs[3].substr(0, 7)), runs[3]);
  EXPECT_EQ(lookup("experiments/many/runs/" + runs[3]), runs[3]);
  // 40 runs and 32 letters: some first letter is shared.
  std::string shared;
  for (const auto& a : runs)
    for (const auto& b : runs)
      if (a != b && a[0] == b[0]) shared = a.substr(0, 1);
  EXPECT_THAT(lookup(shared), testing::HasSubstr("several runs"));
}

// So its time cannot depend on how many there are.
TEST_F(RoundTrip, AListOfRunsReadsNoPoints) {
  const std::string run = house_.submit()[0];
  WorkerEnd worker(house_, house_.lease(run));
  worker.start(10).scalar("train/loss", 0, 0.5);
  ASSERT_TRUE(worker.commit());
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(house_.database().c_str(), &database), SQLITE_OK);
  std::string drop;
  const auto add_drop = [](void* text, int, char** columns, char**) {
    *static_cast<std::string*>(text) += "DROP TABLE " + std::string(columns[0]) + ";";
    return 0;
  };
  ASSERT_EQ(sqlite3_exec(database,
                         "SELECT name FROM sqlite_schema WHERE type = 'table' AND"
                         " (name LIKE '%points%' OR name LIKE '%levels%')",
                         add_drop, &drop, nullptr),
            SQLITE_OK);
  ASSERT_NE(drop.find("scalar_points"), std::string::npos);
  ASSERT_EQ(sqlite3_exec(database, ("PRAGMA foreign_keys = OFF;" + drop).c_str(), nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(database);
  v1::ListRunsRequest request;
  request.set_parent("experiments/-");
  v1::ListRunsResponse response;
  Context context;
  const grpc::Status status = house_.experiments->ListRuns(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.runs_size(), 1);
  EXPECT_EQ(response.runs(0).run_id(), run);
  v1::GetSeriesRequest points;
  points.set_run("experiments/-/runs/" + run);
  points.add_keys("train/loss");
  v1::GetSeriesResponse none;
  Context another;
  EXPECT_FALSE(house_.queries->GetSeries(&another, points, &none).ok()) << "there are no points any more";
}

TEST_F(RoundTrip, StatisticsAndWorkersAreTold) {
  train(house_.submit()[0]);
  v1::Statistics statistics;
  Context context;
  ASSERT_TRUE(house_.admin->GetStatistics(&context, {}, &statistics).ok());
  EXPECT_EQ(statistics.runs().at("succeeded"), 1);
  EXPECT_GT(statistics.records_committed(), 180);
  EXPECT_GT(statistics.commits(), 0);
  // Sampled every second. When all records came before the first sample, there was no rate to see.
  v1::LeaseGrant another = house_.lease(house_.submit()[0]);
  WorkerEnd worker(house_, another);
  worker.start(1'000'000);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (std::int64_t step = 0; statistics.records_per_s() == 0 && std::chrono::steady_clock::now() < end;
       ++step) {
    worker.scalar("train/loss", step, 0.5);
    ASSERT_TRUE(worker.commit());
    Context again;
    ASSERT_TRUE(house_.admin->GetStatistics(&again, {}, &statistics).ok());
  }
  EXPECT_GT(statistics.records_per_s(), 0);
  v1::ListWorkersResponse workers;
  Context workers_context;
  ASSERT_TRUE(house_.experiments->ListWorkers(&workers_context, {}, &workers).ok());
  ASSERT_EQ(workers.workers_size(), 1);
  EXPECT_EQ(workers.workers(0).name(), "worker");
}

}  // namespace
}  // namespace hooke::services
