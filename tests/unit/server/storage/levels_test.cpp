// Levels against the points they stand for, whatever the order of appending, restarting and truncating.
#include "server/storage/levels.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "migrations/migrations.h"
#include "server/analysis/views.h"
#include "server/storage/migrate.h"
#include "tests/unit/server/storage/temp_database.h"

namespace hooke::storage {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

using analysis::Extremes;

SeriesDeclaration scalar_series(const std::string& key) {
  SeriesDeclaration declaration;
  declaration.key = key;
  return declaration;
}

struct Point {
  Step step = 0;
  std::vector<double> views;
};

Extremes extremes_of(const std::vector<Point>& points, std::size_t first, std::size_t count,
                     std::size_t view) {
  Extremes extremes;
  for (std::size_t i = first; i < first + count; ++i) extremes.add(points[i].step, points[i].views[view]);
  return extremes;
}

class Levels : public ::testing::Test {
 protected:
  Series make_series(const SeriesDeclaration& declaration) {
    return server_.write([&](Transaction& t) {
      const RunId run = tests::add_run(t, tests::add_experiment(t, "e").id, "abcdefgh");
      return Series{insert_series(t, run, declaration), run, declaration, {}};
    });
  }

  // Every level that there must be, of every view, and no other.
  void expect_levels(const Series& series, const std::vector<Point>& points) {
    server_.read([&](Snapshot& snapshot) {
      int level = 1;
      for (std::size_t size = 16; size <= points.size(); size *= 16, ++level) {
        for (std::size_t view = 0; view < points[0].views.size(); ++view) {
          const auto buckets = read_level(snapshot, series.id, level, {}, view);
          ASSERT_EQ(buckets.size(), points.size() / size) << "level " << level;
          for (std::size_t b = 0; b < buckets.size(); ++b) {
            EXPECT_EQ(buckets[b].first_step, points[b * size].step);
            EXPECT_EQ(buckets[b].last_step, points[(b + 1) * size - 1].step);
            ASSERT_EQ(buckets[b].extremes, extremes_of(points, b * size, size, view))
                << "level " << level << " bucket " << b << " view " << view;
          }
        }
      }
      EXPECT_EQ(count_levels(snapshot, series.id), level - 1);
    });
  }

  tests::TempFolder folder_;
  tests::Server server_{folder_.path()};
};

double strange_value(std::mt19937& random) {
  switch (random() % 12) {
    case 0:
      return kNan;
    case 1:
      return kInf;
    case 2:
      return -kInf;
    case 3:
      return 1.0;
    default:
      return std::normal_distribution<>()(random);
  }
}

TEST_F(Levels, OfScalarsAreTheExtremesOfTheirPoints) {
  Series series = make_series(scalar_series("train/loss"));
  std::mt19937 random(1);
  std::vector<Point> points;
  Step step = 0;
  while (points.size() < 5'000) {
    server_.write([&](Transaction& t) {
      // A builder that was made anew goes on where the last one stopped.
      LevelBuilder levels(t, series);
      const std::size_t count = 1 + random() % 700;
      for (std::size_t i = 0; i < count; ++i) {
        step += 1 + static_cast<Step>(random() % 5);
        const double value = strange_value(random);
        insert_scalar(t, series.id, step, 0, value);
        levels.add_scalar(t, step, value);
        points.push_back({step, {value}});
        ++series.progress.count;
      }
      series.progress.last_step = step;
      save_progress(t, series.run, series.id, series.progress);
    });
    if (random() % 3 != 0) continue;
    const Step cut = points[points.size() * 2 / 3].step;
    server_.write([&](Transaction& t) { return truncate_after(t, series.run, cut); });
    std::erase_if(points, [&](const Point& point) { return point.step > cut; });
    series.progress.count = std::ssize(points);
    step = points.back().step;
  }
  expect_levels(series, points);
}

TEST_F(Levels, SpanAnyDistanceOfSteps) {
  Series series = make_series(scalar_series("x"));
  std::vector<Point> points;
  server_.write([&](Transaction& t) {
    LevelBuilder levels(t, series);
    for (Step i = 0; i < 40; ++i) {
      const Step step = i < 20 ? i : i * 1'000'000'000'000;
      const double value = std::sin(static_cast<double>(i));
      insert_scalar(t, series.id, step, 0, value);
      levels.add_scalar(t, step, value);
      points.push_back({step, {value}});
    }
  });
  expect_levels(series, points);
}

std::string planes_of(std::size_t cells, std::mt19937& random) {
  std::vector<float> values(3 * cells);
  for (float& value : values) value = static_cast<float>(strange_value(random));
  std::vector<std::uint32_t> counts(2 * cells);
  if (random() % 4 == 0) counts[random() % counts.size()] = 1;
  std::string planes(reinterpret_cast<const char*>(values.data()), 4 * values.size());
  return planes.append(reinterpret_cast<const char*>(counts.data()), 4 * counts.size());
}

TEST_F(Levels, OfMatricesAreThoseOfEveryView) {
  const SeriesDeclaration declaration{
      "elasticity/kl", SeriesKind::kMatrix, {"a", "b", "c"}, std::vector<std::int64_t>(9, 4), ""};
  Series series = make_series(declaration);
  std::mt19937 random(2);
  std::vector<Point> points;
  for (int round = 0; round < 3; ++round) {
    server_.write([&](Transaction& t) {
      LevelBuilder levels(t, series);
      for (int i = 0; i < 101; ++i) {
        const Step step = std::ssize(points) * 9;
        const std::string planes = planes_of(9, random);
        insert_matrix(t, series.id, step, 0, planes);
        levels.add_matrix(t, step, planes);
        points.push_back({step, analysis::views(analysis::decode_cells(planes, 3, declaration.eligible))});
        ++series.progress.count;
        // What is stored comes back as it was.
        ASSERT_EQ(find_matrix(t, series.id, step)->planes, planes);
      }
    });
  }
  expect_levels(series, points);
}

TEST_F(Levels, AreBuiltForPointsThatHaveNone) {
  Series series = make_series(scalar_series("train/loss"));
  std::vector<Point> points;
  server_.write([&](Transaction& t) {
    for (Step step = 0; step < 3'000; ++step) {
      const double value = std::cos(static_cast<double>(step));
      insert_scalar(t, series.id, step, 0, value);
      points.push_back({step, {value}});
    }
    series.progress.count = 3'000;
    series.progress.last_step = 2'999;
    save_progress(t, series.run, series.id, series.progress);
    build_all_levels(t);
  });
  expect_levels(series, points);
}

// A database of the first version, with a run of 1,000 points, written by that version's schema.
TEST(LevelsOfAnOldDatabase, AreBuiltByTheMigration) {
  const tests::TempFolder folder;
  std::vector<Point> points;
  {
    SQLite::Database old((folder.path() / "hooke.db").string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    old.exec("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL");
    old.exec(migrations().at(0).sql);
    old.exec("PRAGMA application_id = " + std::to_string(kApplicationId) + "; PRAGMA user_version = 1");
    old.exec(
        "INSERT INTO experiments (name, submitter, create_us) VALUES ('e', 'ada', 1);"
        "INSERT INTO runs (run_id, experiment_id, state, seed, config_json, config_hash, submitter, "
        "max_attempts, "
        "create_us) VALUES ('abcdefgh', 1, 3, 0, '{}', '', 'ada', 5, 1);"
        "INSERT INTO series (run_id, key, kind) VALUES (1, 'train/loss', 1);"
        "INSERT INTO latest_values VALUES (1, 1, 1000, 0, 999, 7, 0.5)");
    SQLite::Statement insert(old, "INSERT INTO scalar_points VALUES (1, ?, 7, ?)");
    for (Step step = 0; step < 1'000; ++step) {
      points.push_back({step, {std::sin(static_cast<double>(step))}});
      insert.bind(1, step);
      insert.bind(2, points.back().views[0]);
      insert.exec();
      insert.reset();
    }
  }
  tests::Server server(folder.path());
  server.read([&](Snapshot& snapshot) {
    const auto series = find_series(snapshot, RunId{1}, "train/loss");
    ASSERT_TRUE(series);
    EXPECT_EQ(read_scalars(snapshot, series->id).step.size(), 1'000u);
    const auto buckets = read_level(snapshot, series->id, 2, {}, 0);
    ASSERT_EQ(buckets.size(), 3u);
    for (std::size_t b = 0; b < 3; ++b) EXPECT_EQ(buckets[b].extremes, extremes_of(points, 256 * b, 256, 0));
    EXPECT_EQ(count_levels(snapshot, series->id), 2);
  });
}

}  // namespace
}  // namespace hooke::storage
