// A database of an earlier version with data in it, opened by this one.
#include "migrations/migrations.h"

#include <SQLiteCpp/Database.h>
#include <gmock/gmock.h>

#include "server/storage/pairs.h"
#include "server/storage/points.h"
#include "tests/unit/server/storage/temp_database.h"

namespace hooke::storage {
namespace {

using hooke::tests::Server;
using hooke::tests::TempFolder;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// What version 1 could hold: a scalar series with a NaN, a matrix series, one that was removed.
constexpr const char* kData = R"sql(
  INSERT INTO experiments (id, name, submitter, create_us) VALUES (1, 'e', 'ada', 1000);
  INSERT INTO runs (id, run_id, experiment_id, state, seed, config_json, config_hash, submitter, max_attempts,
                    create_us) VALUES (1, 'aaaaaaaa', 1, 3, 0, '{}', '', 'ada', 5, 1000);
  INSERT INTO series (id, run_id, key, kind) VALUES (1, 1, 'train/loss', 1);
  INSERT INTO series (id, run_id, key, kind, class_names_json, eligible_json, description)
    VALUES (2, 1, 'elasticity/kl', 2, '["a"]', '[4]', 'Adam');
  INSERT INTO series (id, run_id, key, kind) VALUES (9, 1, 'gone', 1);
  DELETE FROM series WHERE id = 9;
  INSERT INTO latest_values VALUES (1, 1, 2, 0, 1, 1001, NULL), (1, 2, 1, 0, 0, 1000, NULL);
  INSERT INTO scalar_points VALUES (1, 0, 1000, 0.5), (1, 1, 1001, NULL);
  INSERT INTO matrix_points (series_id, step, time_us, planes) VALUES (2, 0, 1000, x'0102');
)sql";

// What version 3 added: tables of pairs. The block is one frame of zstd, of 24 bytes.
constexpr const char* kPairs = R"sql(
  INSERT INTO series (id, run_id, key, kind, class_names_json, eligible_json, per_class)
    VALUES (8, 1, 'elasticity/kl.pairs', 3, '["a"]', '[4]', 2);
  INSERT INTO latest_values VALUES (1, 8, 1, 5, 5, 1005, NULL);
  INSERT INTO pairs_blocks (series_id, step, first_row, rows, time_us, data)
    VALUES (8, 5, 0, 2, 1005, x'28b52ffd24188500005078787979797979797979010032c00218b4849b');
)sql";
constexpr std::size_t kPairsVersion = 3;

void make_version(const std::filesystem::path& file, std::size_t version) {
  SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  database.exec(
      "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = 1213157195; PRAGMA foreign_keys = OFF");
  for (std::size_t i = 0; i < version; ++i) {
    database.exec(migrations()[i].sql);
    if (i == 0) database.exec(kData);
    if (i + 1 == kPairsVersion) database.exec(kPairs);
  }
  database.exec("PRAGMA user_version = " + std::to_string(version));
}

class FromVersion : public ::testing::TestWithParam<std::size_t> {
 protected:
  FromVersion() { make_version(folder_.path() / "hooke.db", GetParam()); }
  static bool has_pairs() { return GetParam() >= kPairsVersion; }
  TempFolder folder_;
};

TEST_P(FromVersion, KeepsWhatIsThereAndWhatBelongsTogether) {
  Server server(folder_.path());
  EXPECT_EQ(server.database.schema_version(), static_cast<int>(migrations().size()));
  const RunId run{1};
  server.read([&](Snapshot& snapshot) {
    const auto all = series_of(snapshot, run);
    EXPECT_EQ(all.size(), has_pairs() ? 3u : 2u);
    const auto loss = find_series(snapshot, run, "train/loss").value(),
               kl = find_series(snapshot, run, "elasticity/kl").value();
    EXPECT_EQ(loss.id, SeriesId{1});
    EXPECT_EQ(loss.progress.count, 2);
    EXPECT_THAT(read_scalars(snapshot, loss.id).step, ElementsAre(0, 1));
    EXPECT_EQ(kl.declaration, (SeriesDeclaration{"elasticity/kl", SeriesKind::kMatrix, {"a"}, {4}, "Adam"}));
    EXPECT_EQ(find_matrix(snapshot, kl.id, 0)->planes, std::string("\x01\x02"));
    if (!has_pairs()) return 0;
    const auto pairs = find_series(snapshot, run, "elasticity/kl.pairs").value();
    EXPECT_EQ(pairs.declaration,
              (SeriesDeclaration{"elasticity/kl.pairs", SeriesKind::kPairs, {"a"}, {4}, "", 2}));
    EXPECT_EQ(read_pairs(snapshot, pairs, 5).at(0).numerators, std::string(16, 'x'));
    return 0;
  });
  const SeriesId added = server.write([&](Transaction& transaction) {
    return insert_series(transaction, run, {"kl.pairs", SeriesKind::kPairs, {"a"}, {4}, "", 2});
  });
  EXPECT_EQ(added, SeriesId{10}) << "numbers of removed series are not given again";
  // What a series has goes with it: the references were kept, and are enforced.
  server.write([&](Transaction& transaction) {
    insert_pairs(transaction, added, {0, 1, 0, 2, std::string(16, 'x'), std::string(8, 'y')});
    return truncate_after(transaction, run, -1);
  });
  EXPECT_THAT(server.read([&](Snapshot& s) { return series_of(s, run); }), IsEmpty());
  EXPECT_THAT(server.read([&](Snapshot& s) { return read_scalars(s, SeriesId{1}).step; }), IsEmpty());
  EXPECT_THAT(server.read([&](Snapshot& s) { return matrix_steps(s, SeriesId{2}); }), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Migrations, FromVersion, ::testing::Range<std::size_t>(1, migrations().size() + 1));

}  // namespace
}  // namespace hooke::storage
