// An export while its run changes.
#include "server/query/export.h"

#include <gtest/gtest.h>

#include "server/storage/attempts.h"
#include "server/storage/points.h"
#include "tests/unit/server/storage/temp_database.h"

namespace hooke::query {
namespace {

using storage::Transaction;

// More than one step of the export sends.
constexpr std::int64_t kPoints = 200'000;

class RunExportTest : public ::testing::Test {
 protected:
  RunExportTest() {
    run_ = server_.write([&](Transaction& t) {
      const RunId run = tests::add_run(t, tests::add_experiment(t, "e").id, "abcdefgh");
      storage::SeriesDeclaration declaration;
      declaration.key = "x";
      series_ = storage::insert_series(t, run, declaration);
      for (Step step = 0; step < kPoints; ++step) storage::insert_scalar(t, series_, step, 0, 1);
      save(t, run, kPoints);
      return run;
    });
    v1::ExportRunRequest request;
    request.set_run("abcdefgh");
    export_.emplace(server_.readers, request);
  }

  void save(Transaction& t, RunId run, std::int64_t points) {
    storage::save_progress(t, run, series_, {points, 0, points - 1, 0, 1});
    storage::set_progress(t, run, {points - 1, points, 0});
  }

  // Points of all that is left.
  std::int64_t rest() {
    std::int64_t points = 0;
    for (bool done = false; !done;) {
      const auto step = export_->next({});
      for (const auto& message : step.messages) points += message.scalars().step_size();
      EXPECT_NE(step.more, step.done);
      done = step.done;
    }
    return points;
  }

  tests::TempFolder folder_;
  tests::Server server_{folder_.path()};
  SeriesId series_;
  RunId run_;
  std::optional<RunExport> export_;
};

TEST_F(RunExportTest, PointsThatComeMeanwhileAreNotInIt) {
  const auto first = export_->next({});
  ASSERT_TRUE(first.more);
  std::int64_t points = 0;
  for (const auto& message : first.messages) {
    if (message.has_series()) {
      EXPECT_EQ(message.series().info().count(), kPoints);
    }
    points += message.scalars().step_size();
  }
  server_.write([&](Transaction& t) {
    storage::insert_scalar(t, series_, kPoints, 0, 2);
    save(t, run_, kPoints + 1);
  });
  EXPECT_EQ(points + rest(), kPoints);
}

TEST_F(RunExportTest, EndsWhenAnotherAttemptHasStarted) {
  ASSERT_TRUE(export_->next({}).more);
  server_.write([&](Transaction& t) {
    storage::NewAttempt attempt;
    attempt.run = run_;
    attempt.number = 1;
    attempt.token_hash = std::string(32, 'h');
    attempt.token_nonce = "n";
    attempt.request_id = "r";
    attempt.worker = "w";
    storage::insert_attempt(t, attempt);
    storage::start_attempt(t, run_, 1, {std::nullopt, 10, 5});
  });
  EXPECT_EQ(tests::code_of([&] { export_->next({}); }), Code::kAborted);
}

}  // namespace
}  // namespace hooke::query
