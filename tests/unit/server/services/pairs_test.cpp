// Raw pairs from a worker's stream to the answers, over a real channel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "tests/unit/server/services/house.h"

namespace hooke::services {
namespace {

using grpc::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Pairs : public testing::Test {
 protected:
  Pairs() : run_(house_.submit()[0]), worker_(house_, house_.lease(run_)) { worker_.start(100); }

  // Two classes of `per_class` probes: numerators 2 within a class and 1 between them, but for 2 of each
  // probe's row by its number.
  std::vector<float> table(int per_class) const {
    std::vector<float> rows;
    for (int i = 0; i < 2 * per_class; ++i)
      for (int j = 0; j < 2 * per_class; ++j)
        rows.push_back((i / per_class == j / per_class ? 2.0F : 1.0F) *
                       (1 + 0.1F * static_cast<float>(i % 4)));
    return rows;
  }

  template <class Request, class Response>
  grpc::Status ask(grpc::Status (v1::QueryService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                  Response*),
                   const Request& request, Response& response) {
    Context context;
    return ((*house_.queries).*method)(&context, request, &response);
  }
  v1::GetPairsResponse get(const v1::GetPairsRequest& request) {
    v1::GetPairsResponse response;
    const auto status = ask(&v1::QueryService::Stub::GetPairs, request, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  v1::GetPairsRequest request(const std::string& key = "elasticity/kl.pairs") const {
    v1::GetPairsRequest request;
    request.set_run(run_);
    request.set_key(key);
    return request;
  }
  v1::GetInfluenceResponse influence(v1::GetInfluenceRequest request = {}) {
    request.set_parent(run_);
    v1::GetInfluenceResponse response;
    const auto status = ask(&v1::QueryService::Stub::GetInfluence, request, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  House house_;
  std::string run_;
  WorkerEnd worker_;
};

TEST_F(Pairs, OfALargeTableComeInPagesOfRows) {
  constexpr int kManyPerClass = 300;
  constexpr std::size_t kProbes = 2 * kManyPerClass;
  std::vector<float> table(kProbes * kProbes);
  std::iota(table.begin(), table.end(), 0.0F);
  worker_.declare_pairs("elasticity/kl.pairs", {"a", "b"}, kManyPerClass);
  // Two records, as the trainer would cut it.
  const auto half = static_cast<std::ptrdiff_t>(table.size() / 2);
  worker_.pairs("elasticity/kl.pairs", 4, 0, {table.begin(), table.begin() + half});
  ASSERT_TRUE(worker_.commit());
  v1::GetPairsResponse response;
  auto status = ask(&v1::QueryService::Stub::GetPairs, request(), response);
  EXPECT_EQ(status.error_code(), StatusCode::FAILED_PRECONDITION) << "half a table is none";
  worker_.pairs("elasticity/kl.pairs", 4, kManyPerClass, {table.begin() + half, table.end()});
  ASSERT_TRUE(worker_.commit());

  std::vector<float> got;
  int pages = 0;
  v1::GetPairsRequest next = request();
  do {
    const auto page = get(next);
    EXPECT_LT(page.ByteSizeLong(), 4u << 20);
    EXPECT_EQ(static_cast<std::size_t>(page.first_row()) * kProbes, got.size());
    EXPECT_EQ(page.numerators_size(), page.denominators_size());
    EXPECT_THAT(page.denominators(), testing::Each(2.0F));
    got.insert(got.end(), page.numerators().begin(), page.numerators().end());
    next.set_page_token(page.next_page_token());
    ++pages;
  } while (!next.page_token().empty());
  EXPECT_GT(pages, 1);
  EXPECT_EQ(got, table);
}

TEST_F(Pairs, SayWhichExamplesTheirProbesAreAndAreListed) {
  worker_.probes({{7, 5}, {30, 4}}).declare_pairs("elasticity/kl.pairs", {"a", "b"}, 2);
  worker_.pairs("elasticity/kl.pairs", 0, 0, table(2)).pairs("elasticity/kl.pairs", 9, 0, table(2));
  ASSERT_TRUE(worker_.commit());
  const auto last = get(request());
  EXPECT_EQ(last.step(), 9);
  EXPECT_EQ(last.per_class(), 2);
  EXPECT_THAT(last.class_names(), ElementsAre("a", "b"));
  ASSERT_EQ(last.probes_size(), 2);
  EXPECT_THAT(last.probes(1).dataset_index(), ElementsAre(30, 4));
  auto at = request();
  at.set_step(0);
  EXPECT_EQ(get(at).step(), 0);

  v1::ListSeriesRequest list;
  list.set_run(run_);
  v1::ListSeriesResponse listed;
  ASSERT_TRUE(ask(&v1::QueryService::Stub::ListSeries, list, listed).ok());
  ASSERT_EQ(listed.series_size(), 1);
  EXPECT_EQ(listed.series(0).kind(), v1::SERIES_KIND_PAIRS);
  EXPECT_EQ(listed.series(0).count(), 2);
  EXPECT_EQ(listed.series(0).per_class(), 2);
}

TEST_F(Pairs, ThatAreNotThereAreErrorsThatSayWhatIs) {
  worker_.declare_pairs("elasticity/kl.pairs", {"a", "b"}, 2).pairs("elasticity/kl.pairs", 9, 0, table(2));
  worker_.scalar("train/loss", 9, 1);
  ASSERT_TRUE(worker_.commit());
  const auto expect = [&](const v1::GetPairsRequest& wrong, StatusCode code, const std::string& text) {
    v1::GetPairsResponse response;
    const auto status = ask(&v1::QueryService::Stub::GetPairs, wrong, response);
    EXPECT_EQ(status.error_code(), code) << status.error_message();
    EXPECT_THAT(status.error_message(), HasSubstr(text));
  };
  expect(request("elasticity/l2.pairs"), StatusCode::NOT_FOUND, "it has elasticity/kl.pairs");
  expect(request("train/loss"), StatusCode::INVALID_ARGUMENT, "is no table of pairs");
  auto wrong = request();
  wrong.set_step(4);
  expect(wrong, StatusCode::NOT_FOUND, "no table at step 4; it has 1 from 9 to 9, the nearest 9");
  for (const char* token : {"x", "9", "9:0", "9:4", "9:1x", "9:-1"}) {
    wrong = request();
    wrong.set_page_token(token);
    expect(wrong, StatusCode::INVALID_ARGUMENT, "page_token");
  }
  v1::GetSeriesRequest series;
  series.set_run(run_);
  series.add_keys("elasticity/kl.pairs");
  v1::GetSeriesResponse response;
  const auto status = ask(&v1::QueryService::Stub::GetSeries, series, response);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("GetPairs has it"));
}

TEST_F(Pairs, GiveInfluenceIntervalsOverProbes) {
  worker_.declare("elasticity/kl", {"a", "b"}, 64).declare_pairs("elasticity/kl.pairs", {"a", "b"}, 8);
  for (const int step : {0, 9}) {
    worker_.matrix("elasticity/kl", step, {1.15F, 0.575F, 0.575F, 1.15F});
    worker_.pairs("elasticity/kl.pairs", step, 0, table(8));
  }
  worker_.matrix("elasticity/kl", 18, {1, 0.5F, 0.5F, 1});
  ASSERT_TRUE(worker_.commit());
  v1::GetInfluenceRequest at;
  at.set_step(9);
  const auto one = influence(at);
  EXPECT_EQ(one.interval(), v1::INTERVAL_KIND_PROBES);
  EXPECT_EQ(one.level(), 0.95);
  EXPECT_EQ(one.resamples(), 1000);
  for (const auto& cell : one.cells()) {
    EXPECT_LT(cell.low(), cell.mean());
    EXPECT_GT(cell.high(), cell.mean());
  }
  EXPECT_LT(one.dominance().low(), one.dominance().value());
  EXPECT_GT(one.dominance().high(), one.dominance().value());
  EXPECT_NEAR(one.dominance_ratio().value(), 2, 1e-6);
  EXPECT_TRUE(one.asymmetry().has_low());
  EXPECT_TRUE(one.selectivity(1).has_high());

  at.set_level(0.5);
  at.set_resamples(200);
  const auto narrow = influence(at);
  EXPECT_EQ(narrow.resamples(), 200);
  EXPECT_GT(narrow.dominance().low(), one.dominance().low());
  at = {};
  at.set_to_step(9);
  EXPECT_NEAR(influence(at).dominance().low(), one.dominance().low(), 1e-6) << "the same table at both steps";
  at.clear_to_step();
  const auto without = influence(at);
  EXPECT_THAT(without.steps(), ElementsAre(18));
  EXPECT_EQ(without.interval(), v1::INTERVAL_KIND_UNSPECIFIED) << "its pairs were not kept";
  EXPECT_FALSE(without.dominance().has_low());

  v1::GetInfluenceResponse ignored;
  at.set_parent(run_);
  at.set_level(1);
  EXPECT_THAT(ask(&v1::QueryService::Stub::GetInfluence, at, ignored).error_message(), HasSubstr("level"));
  at.set_level(0.9);
  at.set_resamples(5);
  EXPECT_THAT(ask(&v1::QueryService::Stub::GetInfluence, at, ignored).error_message(),
              HasSubstr("resamples"));
}

TEST_F(Pairs, AreNotTailed) {
  worker_.declare_pairs("elasticity/kl.pairs", {"a", "b"}, 2).pairs("elasticity/kl.pairs", 0, 0, table(2));
  worker_.scalar("train/loss", 0, 1).barrier(0).succeed();
  ASSERT_TRUE(worker_.commit());
  ASSERT_TRUE(worker_.close().ok());
  ASSERT_TRUE(worker_.finish(v1::OUTCOME_SUCCEEDED).ok());
  v1::TailRequest request;
  request.add_names(run_);
  Context context;
  const auto reader = house_.queries->Tail(&context, request);
  std::vector<std::string> keys;
  for (v1::TailResponse message; reader->Read(&message);) {
    for (const auto& column : message.points().columns()) keys.push_back(column.key());
    EXPECT_THAT(message.points().matrices(), IsEmpty());
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_THAT(keys, ElementsAre("train/loss"));
}

}  // namespace
}  // namespace hooke::services
