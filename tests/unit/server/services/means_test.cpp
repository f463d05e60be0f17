// A series averaged over runs, over a real channel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/unit/server/services/house.h"

namespace hooke::services {
namespace {

using grpc::StatusCode;
using testing::DoubleEq;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::NanSensitiveDoubleEq;

constexpr double kNoMean = std::numeric_limits<double>::quiet_NaN();

class Means : public testing::Test {
 protected:
  using Points = std::vector<std::pair<std::int64_t, double>>;

  void train(const std::string& run, const Points& loss) {
    WorkerEnd worker(house_, house_.lease(run));
    worker.start(200'000);
    constexpr std::size_t kBatch = 10'000;  // below the limit of a message
    for (std::size_t i = 0; i < loss.size(); ++i) {
      worker.scalar("train/loss", loss[i].first, loss[i].second);
      if ((i + 1) % kBatch == 0 || i + 1 == loss.size()) {
        ASSERT_TRUE(worker.commit());
      }
    }
    ASSERT_TRUE(worker.close().ok());
  }

  v1::GetSeriesRequest about(const std::string& experiment) {
    v1::GetSeriesRequest request;
    request.set_run(experiment);
    request.add_keys("train/loss");
    return request;
  }

  grpc::Status call(const v1::GetSeriesRequest& request, v1::GetSeriesResponse& response) {
    Context context;
    return house_.queries->GetSeries(&context, request, &response);
  }

  v1::SeriesColumn column(const v1::GetSeriesRequest& request) {
    v1::GetSeriesResponse response;
    const auto status = call(request, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.columns_size(), 1);
    EXPECT_EQ(response.next_page_token(), "");
    return response.columns(0);
  }

  House house_;
};

TEST_F(Means, AreOverTheRunsOfAnExperimentWithTheirDeviation) {
  const auto runs = house_.submit(3);
  train(runs[0], {{0, 1.0}, {1, 4.0}, {2, kNoMean}});
  train(runs[1], {{0, 2.0}, {1, 4.0}, {2, 1.0}});
  train(runs[2], {{0, 6.0}, {1, 4.0}, {2, 1.0}});
  const auto mean = column(about("experiments/trial"));
  EXPECT_THAT(mean.step(), ElementsAre(0, 1, 2));
  // Mean of 1, 2, 6; their squared deviations are 4, 1, 9, which over n - 1 = 2 is 7.
  EXPECT_THAT(mean.value(), ElementsAre(3.0, 4.0, NanSensitiveDoubleEq(kNoMean)));
  EXPECT_THAT(mean.sd(), ElementsAre(DoubleEq(std::sqrt(7.0)), 0.0, NanSensitiveDoubleEq(kNoMean)));
  EXPECT_THAT(mean.runs(), ElementsAre(3, 3, 3));
  EXPECT_EQ(mean.count(), 3);
}

TEST_F(Means, ARunThatEndedCountsUntilThenAndOneWithoutTheSeriesNever) {
  const auto runs = house_.submit(3);
  train(runs[0], {{0, 1.0}, {10, 2.0}});
  train(runs[1], {{0, 3.0}, {10, 4.0}, {20, 5.0}});
  const auto mean = column(about("experiments/trial"));
  EXPECT_THAT(mean.step(), ElementsAre(0, 10, 20));
  EXPECT_THAT(mean.value(), ElementsAre(2.0, 3.0, 5.0));
  EXPECT_THAT(mean.runs(), ElementsAre(2, 2, 1));
  EXPECT_TRUE(std::isnan(mean.sd(2))) << "one run has no deviation";
}

TEST_F(Means, StepsThatARunLacksInItsMidstAreLeftOut) {
  const auto runs = house_.submit(2);
  train(runs[0], {{0, 1.0}, {5, 1.0}, {10, 1.0}});
  train(runs[1], {{0, 3.0}, {10, 3.0}});
  const auto mean = column(about("experiments/trial"));
  EXPECT_THAT(mean.step(), ElementsAre(0, 10));
  EXPECT_THAT(mean.value(), ElementsAre(2.0, 2.0));
}

TEST_F(Means, OfChosenRunsAreOfThoseAlone) {
  const auto runs = house_.submit(3);
  for (int i = 0; i < 3; ++i) train(runs[static_cast<std::size_t>(i)], {{0, std::pow(10.0, i)}});
  auto request = about("");
  request.add_runs(runs[0]);
  request.add_runs(runs[2]);
  EXPECT_THAT(column(request).value(), ElementsAre(50.5));
  // One run by its name is that run, as it always was.
  const auto one = column(about("experiments/-/runs/" + runs[1]));
  EXPECT_THAT(one.value(), ElementsAre(10.0));
  EXPECT_THAT(one.runs(), IsEmpty());
  EXPECT_THAT(one.sd(), IsEmpty());
}

TEST_F(Means, ThinnedOrInARangeTheyAreStillMeansOfRealPoints) {
  const auto runs = house_.submit(2);
  Points rising, spiked;
  for (int step = 0; step < 3000; ++step) {
    rising.emplace_back(step, step);
    spiked.emplace_back(step, step == 1234 ? 1e6 : -step);
  }
  train(runs[0], rising);
  train(runs[1], spiked);
  auto request = about("experiments/trial");
  request.set_points(200);
  const auto few = column(request);
  EXPECT_EQ(few.count(), 3000);
  EXPECT_LE(few.step_size(), 210);
  EXPECT_GE(few.step_size(), 50);
  EXPECT_EQ(few.step(0), 0);
  EXPECT_EQ(*few.step().rbegin(), 2999);
  bool spike = false;
  for (int i = 0; i < few.step_size(); ++i) {
    if (few.step(i) == 1234) {
      spike = true;
      EXPECT_EQ(few.value(i), (1e6 + 1234) / 2);
    } else {
      EXPECT_EQ(few.value(i), 0.0) << few.step(i);
    }
  }
  EXPECT_TRUE(spike) << "an extreme of one run is not lost";

  request.set_points(0);
  request.set_from_step(1233);
  request.set_to_step(1235);
  EXPECT_THAT(column(request).value(), ElementsAre(0.0, (1e6 + 1234) / 2, 0.0));
}

TEST_F(Means, LongOnesComeInPagesWithoutAHole) {
  const auto runs = house_.submit(2);
  Points odd, even;
  for (int step = 0; step < 120'000; ++step) {
    odd.emplace_back(step, 1.0);
    even.emplace_back(step, 3.0);
  }
  train(runs[0], odd);
  train(runs[1], even);
  auto request = about("experiments/trial");
  std::int64_t next = 0;
  int pages = 0;
  do {
    v1::GetSeriesResponse page;
    const auto status = call(request, page);
    ASSERT_TRUE(status.ok()) << status.error_message();
    for (int i = 0; i < page.columns(0).step_size(); ++i) {
      ASSERT_EQ(page.columns(0).step(i), next++);
      ASSERT_EQ(page.columns(0).value(i), 2.0);
    }
    request.set_page_token(page.next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  EXPECT_EQ(next, 120'000);
  EXPECT_GT(pages, 1);
}

TEST_F(Means, WhatHasNoMeanIsRefused) {
  const auto runs = house_.submit(2);
  const auto refused = [&](const v1::GetSeriesRequest& request, StatusCode code, const std::string& word) {
    v1::GetSeriesResponse response;
    const auto status = call(request, response);
    EXPECT_EQ(status.error_code(), code) << status.error_message();
    EXPECT_THAT(status.error_message(), HasSubstr(word));
  };
  refused(about("experiments/trial"), StatusCode::NOT_FOUND, "train/loss");
  train(runs[0], {{0, 1.0}});
  auto both = about("experiments/trial");
  both.add_runs(runs[0]);
  refused(both, StatusCode::INVALID_ARGUMENT, "give one");
  refused(about("experiments/nothing"), StatusCode::NOT_FOUND, "nothing");
  auto unknown = about("");
  unknown.add_runs("zzzzzzzz");
  refused(unknown, StatusCode::NOT_FOUND, "zzzzzzzz");
}

}  // namespace
}  // namespace hooke::services
