// S over update sizes, over a real channel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/server/services/house.h"

namespace hooke::services {
namespace {

using grpc::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;

class Sizes : public testing::Test {
 protected:
  // At steps 5 and 9: own class `own`, others 0.5 at the limit and at 1e-06, all 1 at 0.001.
  void train(const std::string& run, float own) {
    WorkerEnd worker(house_, house_.lease(run));
    worker.start(10);
    for (const char* size : {"1e-06", "0.001", "limit"})
      worker.declare("elasticity/size.kl@" + std::string(size), {"a", "b"}, 16);
    worker.declare("elasticity/size.loss@1e-06", {"a", "b"}, 16)
        .declare("elasticity/size.loss@limit", {"a", "b"}, 16);
    for (const int step : {5, 9}) {
      for (const char* size : {"1e-06", "limit"}) {
        worker.matrix("elasticity/size.kl@" + std::string(size), step, {own, 0.5F, 0.5F, own});
        worker.matrix("elasticity/size.loss@" + std::string(size), step, {own, -0.5F, -0.5F, own});
      }
      worker.matrix("elasticity/size.kl@0.001", step, {1, 1, 1, 1});
    }
    worker.barrier(9).succeed();
    ASSERT_TRUE(worker.commit());
    ASSERT_TRUE(worker.close().ok());
    ASSERT_TRUE(worker.finish(v1::OUTCOME_SUCCEEDED).ok());
  }
  grpc::Status ask(const v1::GetUpdateSizesRequest& request) {
    Context context;
    response_.Clear();
    return house_.queries->GetUpdateSizes(&context, request, &response_);
  }
  v1::GetUpdateSizesRequest of(const std::string& parent) const {
    v1::GetUpdateSizesRequest request;
    request.set_parent(parent);
    return request;
  }

  House house_;
  v1::GetUpdateSizesResponse response_;
};

TEST_F(Sizes, AreByRateWithTheLimitLast) {
  const std::string run = house_.submit()[0];
  train(run, 2);
  ASSERT_TRUE(ask(of(run)).ok());
  EXPECT_EQ(response_.measure(), "kl") << "the first of the configuration";
  EXPECT_EQ(response_.step(), 9);
  EXPECT_EQ(response_.shown(), "mean");
  ASSERT_EQ(response_.sizes_size(), 3);
  EXPECT_EQ(response_.sizes(0).rate(), 1e-6);
  EXPECT_EQ(response_.sizes(0).key(), "elasticity/size.kl@1e-06");
  EXPECT_EQ(response_.sizes(1).rate(), 0.001);
  EXPECT_FALSE(response_.sizes(2).has_rate());
  EXPECT_NEAR(response_.sizes(0).own().value(), 2, 1e-6);
  EXPECT_NEAR(response_.sizes(0).others().value(), 0.5, 1e-6);
  EXPECT_NEAR(response_.sizes(2).dominance().value(), 1.5, 1e-6);
  EXPECT_NEAR(response_.sizes(2).dominance_ratio().value(), 4, 1e-6);
  EXPECT_NEAR(response_.sizes(1).dominance_ratio().value(), 1, 1e-6);
  EXPECT_EQ(response_.interval(), v1::INTERVAL_KIND_UNSPECIFIED);

  auto loss = of(run);
  loss.set_measure("loss");
  loss.set_step(5);
  ASSERT_TRUE(ask(loss).ok());
  EXPECT_EQ(response_.step(), 5);
  EXPECT_EQ(response_.shown(), "ratio_of_means");
  EXPECT_TRUE(response_.is_signed());
  EXPECT_NEAR(response_.sizes(0).others().value(), -5, 1e-5)
      << "ratios of means are ten times the means here";

  // Each is a matrix of its own, too.
  v1::GetInfluenceRequest request;
  request.set_parent(run);
  request.set_measure("size.kl");
  request.set_update("0.001");
  v1::GetInfluenceResponse influence;
  Context context;
  ASSERT_TRUE(house_.queries->GetInfluence(&context, request, &influence).ok());
  EXPECT_NEAR(influence.cells(1).mean(), 1, 1e-6);
}

TEST_F(Sizes, OfAnExperimentAreMeansWithIntervalsOverRuns) {
  const auto runs = house_.submit(3, "three");
  train(runs[0], 2);
  train(runs[1], 3);
  ASSERT_TRUE(ask(of("three")).ok());
  EXPECT_EQ(response_.runs_size(), 2) << "the queued run is left out";
  EXPECT_EQ(response_.interval(), v1::INTERVAL_KIND_RUNS);
  EXPECT_NEAR(response_.sizes(2).own().value(), 2.5, 1e-6);
  EXPECT_NEAR(response_.sizes(2).own().low(), 2.5 - 12.7062 / 2, 1e-3);
}

TEST_F(Sizes, OfARegressionAreNumbers) {
  const std::string run = house_.submit()[0];
  WorkerEnd worker(house_, house_.lease(run));
  worker.start(10);
  worker.scalar("elasticity/size.l2@1e-07", 3, 0.25).scalar("elasticity/size.l2@limit", 3, 0.5);
  ASSERT_TRUE(worker.commit());
  ASSERT_TRUE(ask(of(run)).ok());
  EXPECT_EQ(response_.measure(), "l2");
  EXPECT_TRUE(response_.class_names().empty());
  ASSERT_EQ(response_.sizes_size(), 2);
  EXPECT_EQ(response_.sizes(0).own().value(), 0.25);
  EXPECT_EQ(response_.sizes(1).own().value(), 0.5);
  EXPECT_FALSE(response_.sizes(0).has_others());
}

TEST_F(Sizes, ThatAreNotThereAreErrorsThatSayWhatIs) {
  const std::string run = house_.submit()[0];
  auto status = ask(of(run));
  EXPECT_EQ(status.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("probes.size_steps"));
  train(run, 2);
  auto request = of(run);
  request.set_measure("l1");
  status = ask(request);
  EXPECT_EQ(status.error_code(), StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("no update sizes of 'l1'; it has kl, loss"));
  request = of(run);
  request.set_step(7);
  status = ask(request);
  EXPECT_EQ(status.error_code(), StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("no update sizes at step 7; there are some at 5, 9"));
}

}  // namespace
}  // namespace hooke::services
