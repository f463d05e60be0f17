#include "server/storage/points.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "server/storage/attempts.h"
#include "server/storage/series.h"
#include "tests/unit/server/storage/temp_database.h"

namespace hooke::storage {
namespace {

using hooke::tests::Server;
using hooke::tests::TempFolder;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr double kNoValue = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// One cell that tells its step.
std::string planes_of(Step step) {
  std::string planes = std::to_string(step);
  planes.resize(20, '.');
  return planes;
}

class Points : public ::testing::Test {
 protected:
  Points() : server_(folder_.path()) {
    server_.write([this](Transaction& transaction) {
      const auto experiment = hooke::tests::add_experiment(transaction, "e");
      run_ = hooke::tests::add_run(transaction, experiment.id, "aaaaaaaa");
      loss_ = insert_series(transaction, run_, {"train/loss", SeriesKind::kScalar, {}, {}, ""});
      kl_ = insert_series(transaction, run_, {"elasticity/kl", SeriesKind::kMatrix, {"a"}, {1}, "Adam"});
    });
  }

  // Stores values at steps 0, 1, 2, … as ingest does.
  void store(const std::vector<double>& values) {
    server_.write([&](Transaction& transaction) {
      SeriesProgress progress;
      for (const double value : values) {
        const Step step = progress.last_step + 1;
        insert_scalar(transaction, loss_, step, 1000 + step, value);
        progress = {progress.count + 1, 0, step, 1000 + step, value};
      }
      save_progress(transaction, run_, loss_, progress);
    });
  }
  void store_matrices(const std::vector<Step>& steps) {
    server_.write([&](Transaction& transaction) {
      for (const Step step : steps) insert_matrix(transaction, kl_, step, step, planes_of(step));
      save_progress(transaction, run_, kl_,
                    {std::ssize(steps), steps.front(), steps.back(), steps.back(), kNoValue});
    });
  }
  ScalarColumn scalars(StepRange range = {}, std::size_t limit = kNoLimit) {
    return server_.read([&](Snapshot& snapshot) { return read_scalars(snapshot, loss_, range, limit); });
  }

  TempFolder folder_;
  Server server_;
  RunId run_;
  SeriesId loss_, kl_;
};

TEST_F(Points, KeepNanAndInfinitiesApartFromEachOther) {
  store({1.5, kNoValue, kInfinity, -kInfinity, -0.0, 5e-324});
  const auto column = scalars();
  ASSERT_EQ(column.value.size(), 6u);
  EXPECT_EQ(column.value[0], 1.5);
  EXPECT_TRUE(std::isnan(column.value[1]));
  EXPECT_EQ(column.value[2], kInfinity);
  EXPECT_EQ(column.value[3], -kInfinity);
  EXPECT_EQ(column.value[4], 0.0);  // the sign of a zero is not kept
  EXPECT_EQ(column.value[5], 5e-324);
}

TEST_F(Points, HaveANanAsLatestValueToo) {
  store({1.0, kNoValue});
  const auto latest = server_.read([&](Snapshot& snapshot) { return latest_values(snapshot, run_); });
  ASSERT_EQ(latest.size(), 1u);
  EXPECT_EQ(latest[0].key, "train/loss");
  EXPECT_EQ(latest[0].step, 1);
  EXPECT_TRUE(std::isnan(latest[0].value));
}

TEST_F(Points, HaveSixteenLatestValuesInAListTheBestKnownFirst) {
  std::vector<std::string> expected{"test/loss", "train/loss"};
  store({1.0, 2.0});
  store_matrices({0, 1});
  server_.write([&](Transaction& transaction) {
    const auto add = [&](const std::string& key, double value) {
      const SeriesId id = insert_series(transaction, run_, {key, SeriesKind::kScalar, {}, {}, ""});
      if (value >= 0) save_progress(transaction, run_, id, {1, 0, 3, 1003, value});
    };
    add("nothing/yet", -1);
    for (int i = 30; i > 0; --i) add("metric/" + std::to_string(10 + i), i);
    add("test/loss", 7);
  });
  for (int i = 17; i <= 30; ++i) expected.push_back("metric/" + std::to_string(10 + i));
  const auto latest = server_.read([&](Snapshot& snapshot) { return main_latest_values(snapshot, run_); });
  std::vector<std::string> keys;
  for (const auto& value : latest) keys.push_back(value.key);
  EXPECT_EQ(keys, expected);
  EXPECT_EQ(latest[0].value, 7);
  EXPECT_EQ(latest[1].value, 2.0);
  EXPECT_EQ(latest[2].value, 17);
  EXPECT_EQ(latest[2].step, 3);
}

TEST_F(Points, AreReadByRangeAndInParts) {
  store({0, 1, 2, 3, 4, 5});
  EXPECT_THAT(scalars({2, 4}).step, ElementsAre(2, 3, 4));
  EXPECT_THAT(scalars({3}).value, ElementsAre(3, 4, 5));
  EXPECT_THAT(scalars({0}, 2).step, ElementsAre(0, 1));
  EXPECT_THAT(scalars({6}).step, IsEmpty());
  EXPECT_THAT(scalars({2, 2}).time_us, ElementsAre(1002));
  EXPECT_EQ(server_.read([&](Snapshot& s) { return count_scalars(s, loss_, {1, 4}); }), 4);
}

TEST_F(Points, OfMatricesAreFoundAtAStepBeforeOneAndByRange) {
  store_matrices({0, 9, 18});
  auto snapshot = server_.readers.snapshot();
  EXPECT_EQ(find_matrix(snapshot, kl_, 9)->planes, planes_of(9));
  EXPECT_FALSE(find_matrix(snapshot, kl_, 10));
  EXPECT_EQ(find_last_matrix(snapshot, kl_)->step, 18);
  EXPECT_EQ(find_last_matrix(snapshot, kl_, 17)->step, 9);
  EXPECT_FALSE(find_last_matrix(snapshot, kl_, -1));
  EXPECT_EQ(read_matrices(snapshot, kl_, {1, 18}).size(), 2u);
  EXPECT_THAT(matrix_steps(snapshot, kl_), ElementsAre(0, 9, 18));
}

TEST_F(Points, HaveALastStepThatSeveralMatricesShare) {
  store_matrices({0, 9, 18, 27});
  const SeriesId other = server_.write([&](Transaction& transaction) {
    const auto id = insert_series(transaction, run_, {"elasticity/l2", SeriesKind::kMatrix, {"a"}, {1}, ""});
    for (const Step step : {0, 8, 18, 20}) insert_matrix(transaction, id, step, step, planes_of(step));
    return id;
  });
  auto snapshot = server_.readers.snapshot();
  EXPECT_EQ(last_common_matrix_step(snapshot, {kl_, other}), 18);
  EXPECT_EQ(last_common_matrix_step(snapshot, {kl_}), 27);
  EXPECT_EQ(last_common_matrix_step(snapshot, {kl_, loss_}), std::nullopt);
}

TEST_F(Points, LaterThanAStepAreRemovedWithTheirLatestValuesAndBarriers) {
  store({0, 1, kNoValue, 3, 4});
  store_matrices({3, 4});
  const auto removed = server_.write([&](Transaction& transaction) {
    insert_barrier(transaction, run_, {1, 5, 2});
    insert_barrier(transaction, run_, {1, 9, 4});
    return truncate_after(transaction, run_, 2);
  });
  EXPECT_EQ(removed, 4);
  auto snapshot = server_.readers.snapshot();
  EXPECT_THAT(read_scalars(snapshot, loss_).step, ElementsAre(0, 1, 2));
  EXPECT_THAT(matrix_steps(snapshot, kl_), IsEmpty());
  const auto loss = find_series(snapshot, run_, "train/loss")->progress;
  EXPECT_EQ(loss.count, 3);
  EXPECT_EQ(loss.last_step, 2);
  EXPECT_TRUE(std::isnan(loss.last_value));
  EXPECT_EQ(find_series(snapshot, run_, "elasticity/kl")->progress.count, 0);
  const auto barriers = barriers_of(snapshot, run_);
  ASSERT_EQ(barriers.size(), 1u);
  EXPECT_EQ(barriers[0].step, 2);
}

TEST_F(Points, AllGoWithTheirSeriesWhenARunBeginsAgain) {
  store({0, 1});
  EXPECT_EQ(server_.write([&](Transaction& t) { return truncate_after(t, run_, -1); }), 2);
  EXPECT_THAT(server_.read([&](Snapshot& s) { return series_of(s, run_); }), IsEmpty());
  EXPECT_THAT(server_.read([&](Snapshot& s) { return latest_values(s, run_); }), IsEmpty());
  EXPECT_THAT(scalars().step, IsEmpty());
}

TEST_F(Points, OfASeriesComeWithItsDeclaration) {
  const auto series = server_.read([&](Snapshot& s) { return find_series(s, run_, "elasticity/kl"); });
  EXPECT_EQ(series->declaration.kind, SeriesKind::kMatrix);
  EXPECT_THAT(series->declaration.class_names, ElementsAre("a"));
  EXPECT_THAT(series->declaration.eligible, ElementsAre(1));
  EXPECT_EQ(series->declaration.description, "Adam");
  EXPECT_EQ(series->progress.last_step, -1);
  EXPECT_FALSE(server_.read([&](Snapshot& s) { return find_series(s, run_, "nothing"); }));
}

TEST_F(Points, OfManySeriesAreListedInPagesByKey) {
  std::vector<std::string> keys;
  PageRequest page{1, ""};
  do {
    const auto found = server_.read([&](Snapshot& s) { return list_series(s, run_, "", page); });
    for (const auto& series : found.items) keys.push_back(series.declaration.key);
    page.after = found.next;
  } while (!page.after.empty());
  EXPECT_THAT(keys, ElementsAre("elasticity/kl", "train/loss"));
}

}  // namespace
}  // namespace hooke::storage
