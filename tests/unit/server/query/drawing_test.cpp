// Drawings of long series against the series themselves.
#include "server/query/drawing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "server/storage/levels.h"
#include "tests/unit/server/storage/temp_database.h"

namespace hooke::query {
namespace {

using storage::Series;
using storage::SeriesKind;
using storage::Snapshot;
using storage::StepRange;
using storage::Transaction;

storage::SeriesDeclaration scalar_series(const std::string& key) {
  storage::SeriesDeclaration declaration;
  declaration.key = key;
  return declaration;
}

class Drawing : public ::testing::Test {
 protected:
  Series append(const storage::SeriesDeclaration& declaration, std::int64_t count,
                const std::function<void(Transaction&, Series&, storage::LevelBuilder&, Step)>& add) {
    return server_.write([&](Transaction& t) {
      const RunId run = tests::add_run(t, tests::add_experiment(t, "e").id, "abcdefgh");
      Series series{storage::insert_series(t, run, declaration), run, declaration, {}};
      storage::LevelBuilder levels(t, series);
      for (Step step = 0; step < count; ++step) add(t, series, levels, 3 * step);
      series.progress = {count, 0, 3 * (count - 1), 0, 0};
      return series;
    });
  }

  Series scalars(std::int64_t count, const std::function<double(Step)>& value) {
    return append(scalar_series("train/loss"), count,
                  [&](Transaction& t, Series& series, storage::LevelBuilder& levels, Step step) {
                    const double v = value(step);
                    storage::insert_scalar(t, series.id, step, 0, v);
                    levels.add_scalar(t, step, v);
                  });
  }

  Values drawn(const Source& source, StepRange range, std::size_t points) {
    return server_.read([&](Snapshot& s) { return read_drawing(s, source, range, points); });
  }
  Values all(const Source& source, StepRange range) {
    return server_.read([&](Snapshot& s) { return read_values(s, source, range); });
  }

  // Real points, with the extremes, the first and the last of the range.
  void expect_drawing(const Source& source, StepRange range, std::size_t points) {
    const Values full = all(source, range), got = drawn(source, range, points);
    ASSERT_EQ(server_.read([&](Snapshot& s) { return count_values(s, source, range); }),
              std::ssize(full.step));
    ASSERT_LE(got.step.size(), std::max<std::size_t>(points, 4));
    std::size_t at = 0;
    for (std::size_t i = 0; i < got.step.size(); ++i) {
      while (at < full.step.size() && full.step[at] < got.step[i]) ++at;
      ASSERT_LT(at, full.step.size());
      ASSERT_EQ(full.step[at], got.step[i]);
      if (std::isnan(full.value[at])) {
        ASSERT_TRUE(std::isnan(got.value[i]));
      } else {
        ASSERT_EQ(full.value[at], got.value[i]);
      }
      if (!got.sd.empty()) {
        ASSERT_EQ(full.sd[at], got.sd[i]);
      }
    }
    if (full.step.empty()) return;
    EXPECT_EQ(got.step.front(), full.step.front());
    EXPECT_EQ(got.step.back(), full.step.back());
    const auto less = [](double a, double b) { return std::isnan(b) ? !std::isnan(a) : a < b; };
    const auto finite_max = [](const std::vector<double>& values) {
      double most = -std::numeric_limits<double>::infinity();
      for (const double value : values) most = std::fmax(most, value);
      return most;
    };
    EXPECT_EQ(*std::min_element(got.value.begin(), got.value.end(), less),
              *std::min_element(full.value.begin(), full.value.end(), less));
    EXPECT_EQ(finite_max(got.value), finite_max(full.value));
  }

  tests::TempFolder folder_;
  tests::Server server_{folder_.path()};
};

TEST_F(Drawing, ShowsTheExtremesOfALongSeriesWhereverTheyAre) {
  std::mt19937 random(3);
  const Step spike = 3 * 71'234;
  const Series series = scalars(100'000, [&](Step step) {
    return step == spike
               ? 1e6
               : std::sin(static_cast<double>(step) / 500) + 1e-3 * static_cast<double>(random() % 100);
  });
  const Source source{series, analysis::parse_series_key("train/loss"), 0, 0};
  for (const std::size_t points : {4u, 10u, 100u, 1'000u, 20'000u, 100'000u, 1'000'000u})
    expect_drawing(source, {}, points);
  for (int i = 0; i < 60; ++i) {
    const Step from = static_cast<Step>(random() % 300'000);
    const Step to = from + static_cast<Step>(random() % (i % 2 == 0 ? 300'000 : 2'000));
    expect_drawing(source, {from, to}, 1 + random() % 300);
  }
  const Values got = drawn(source, {}, 1'000);
  EXPECT_EQ(*std::max_element(got.value.begin(), got.value.end()), 1e6);
  EXPECT_GE(got.step.size(), 500u);
}

TEST_F(Drawing, ReadsFewRowsWhateverTheLength) {
  const Series series = scalars(200'000, [](Step step) { return std::cos(static_cast<double>(step)); });
  server_.read([&](Snapshot& snapshot) {
    // What a drawing of 100 points rests on: 200,000 / 16 / 16 = 781 buckets, not more than 4 a point by
    // much, and no point.
    EXPECT_EQ(storage::read_level(snapshot, series.id, 2, {}, 0).size(), 781u);
    EXPECT_EQ(storage::count_levels(snapshot, series.id), 4);
  });
  const Values got = drawn({series, analysis::parse_series_key("train/loss"), 0, 0}, {}, 100);
  EXPECT_GE(got.step.size(), 50u);
}

TEST_F(Drawing, KeepsAGapOfNotANumber) {
  const Series series = scalars(
      50'000, [](Step step) { return step == 3 * 40'000 ? std::nan("") : static_cast<double>(step); });
  const Source source{series, analysis::parse_series_key("train/loss"), 0, 0};
  expect_drawing(source, {}, 60);
  const Values got = drawn(source, {}, 60);
  EXPECT_EQ(std::count_if(got.value.begin(), got.value.end(), [](double v) { return std::isnan(v); }), 1);
}

TEST_F(Drawing, OfAnEntryHasItsDeviations) {
  const storage::SeriesDeclaration declaration{
      "elasticity/kl", SeriesKind::kMatrix, {"a", "b"}, std::vector<std::int64_t>(4, 9), ""};
  const Series series =
      append(declaration, 6'000, [&](Transaction& t, Series& s, storage::LevelBuilder& levels, Step step) {
        std::string planes;
        for (int plane = 0; plane < 3; ++plane)
          for (int cell = 0; cell < 4; ++cell) {
            const float value =
                static_cast<float>(plane + 1) * std::sin(static_cast<float>(step * (cell + 1)));
            planes.append(reinterpret_cast<const char*>(&value), sizeof value);
          }
        planes.append(2 * 4 * 4, '\0');
        storage::insert_matrix(t, s.id, step, 0, planes);
        levels.add_matrix(t, step, planes);
      });
  for (const char* key :
       {"elasticity/kl[b,a]", "elasticity/kl.ratio[a,b]", "elasticity/kl.dominance",
        "elasticity/kl.ratio.selectivity[b]", "elasticity/kl.asymmetry", "elasticity/kl.dominance_ratio"}) {
    const auto parsed = analysis::parse_series_key(key);
    const auto number = [](const std::string& name) { return name == "b" ? std::size_t{1} : std::size_t{0}; };
    const Source source{series, parsed, number(parsed.responding), number(parsed.updated)};
    SCOPED_TRACE(key);
    expect_drawing(source, {}, 40);
    expect_drawing(source, {1'000, 16'000}, 40);
    const Values got = drawn(source, {}, 40);
    EXPECT_EQ(got.sd.size(), std::string(key) == "elasticity/kl[b,a]" ? got.step.size() : 0u);
  }
}

}  // namespace
}  // namespace hooke::query
