#include "server/storage/pairs.h"

#include <SQLiteCpp/Database.h>

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "server/storage/backup.h"
#include "tests/unit/server/storage/temp_database.h"

namespace hooke::storage {
namespace {

using hooke::tests::code_of;
using hooke::tests::Server;
using hooke::tests::TempFolder;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string bytes_of(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

// A series of tables of 2 classes with 2 probes each.
class PairsTest : public ::testing::Test {
 protected:
  PairsTest() : server_(folder_.path()) {
    server_.write([this](Transaction& transaction) {
      experiment_ = hooke::tests::add_experiment(transaction, "e").id;
      run_ = hooke::tests::add_run(transaction, experiment_, "aaaaaaaa");
      insert_series(transaction, run_, {"kl.pairs", SeriesKind::kPairs, {"a", "b"}, {4, 4, 4, 4}, "Adam", 2});
    });
  }

  Series series() {
    return server_.read([this](Snapshot& s) { return find_series(s, run_, "kl.pairs").value(); });
  }
  // Rows `first` to 4 or `last`, as ingest stores them; the table is whole with row 4.
  void store(Step step, std::int32_t first = 0, std::int32_t last = 4) {
    const Series now = series();
    server_.write([&](Transaction& transaction) {
      std::vector<float> rows(static_cast<std::size_t>(last - first) * 4, static_cast<float>(step));
      rows[0] = static_cast<float>(first);
      insert_pairs(transaction, now.id,
                   {step, 100 + step, first, last - first, bytes_of(rows), bytes_of({1, 2, 3, 4})});
      if (last < 4) return;
      const Step begun = now.progress.count == 0 ? step : now.progress.first_step;
      save_progress(transaction, run_, now.id, {now.progress.count + 1, begun, step, 100 + step, 0});
    });
  }
  std::vector<PairsBlock> read(Step step, std::int32_t first = 0, std::size_t rows = kNoLimit) {
    const Series now = series();
    return server_.read([&](Snapshot& s) { return read_pairs(s, now, step, first, rows); });
  }
  std::vector<Step> steps() {
    const Series now = series();
    return server_.read([&](Snapshot& s) { return pairs_steps(s, now); });
  }

  TempFolder folder_;
  Server server_;
  ExperimentId experiment_;
  RunId run_;
};

TEST_F(PairsTest, ComeBackBitForBit) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const std::string above = bytes_of({nan, inf, -inf, 0, -0.0f, 1e-45f, 3e38f, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  const std::string below = bytes_of({0, nan, inf, 1e-45f});
  const Series now = series();
  server_.write([&](Transaction& transaction) {
    insert_pairs(transaction, now.id, {7, 123, 0, 4, above, below});
    save_progress(transaction, run_, now.id, {1, 7, 7, 123, 0});
  });
  const auto blocks = read(7);
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_EQ(blocks[0].numerators, above);
  EXPECT_EQ(blocks[0].denominators, below);
  EXPECT_EQ(blocks[0].time_us, 123);
  EXPECT_THAT(read(6), IsEmpty());
  EXPECT_EQ(series().declaration.per_class, 2);
}

TEST_F(PairsTest, AreReadByRows) {
  store(0, 0, 1);
  store(0, 1, 3);
  store(0, 3, 4);
  const auto first_rows = [this](std::int32_t first, std::size_t rows) {
    std::vector<std::int32_t> found;
    for (const auto& block : read(0, first, rows)) found.push_back(block.first_row);
    return found;
  };
  EXPECT_THAT(first_rows(0, kNoLimit), ElementsAre(0, 1, 3));
  EXPECT_THAT(first_rows(0, 1), ElementsAre(0));
  EXPECT_THAT(first_rows(2, 1), ElementsAre(1));
  EXPECT_THAT(first_rows(2, 2), ElementsAre(1, 3));
  EXPECT_THAT(first_rows(3, 9), ElementsAre(3));
}

TEST_F(PairsTest, EveryBlockIsFoundInOrderAlsoOfATableThatIsNotWhole) {
  const Series now = series();
  EXPECT_FALSE(server_.read([&](Snapshot& s) { return last_pairs_block(s, now.id); }));
  store(0, 0, 1);
  store(0, 1, 4);
  store(5, 0, 3);
  const auto place = [&](Step step, std::int32_t first_row) {
    const auto block = server_.read([&](Snapshot& s) { return next_pairs_block(s, now, step, first_row); });
    return block ? std::pair(block->step, block->first_row) : std::pair(Step{-1}, -1);
  };
  EXPECT_EQ(place(0, 0), std::pair(Step{0}, 0));
  EXPECT_EQ(place(0, 1), std::pair(Step{0}, 1));
  EXPECT_EQ(place(0, 2), std::pair(Step{5}, 0));
  EXPECT_EQ(place(1, 3), std::pair(Step{5}, 0));
  EXPECT_EQ(place(5, 1), std::pair(Step{-1}, -1));
  const auto last = server_.read([&](Snapshot& s) { return last_pairs_block(s, now.id); });
  ASSERT_TRUE(last);
  EXPECT_EQ(last->step, 5);
  EXPECT_EQ(last->first_row, 0);
}

TEST_F(PairsTest, OfATableThatIsNotWholeAreNotSeen) {
  store(0);
  store(5, 0, 3);
  EXPECT_THAT(steps(), ElementsAre(0));
  EXPECT_THAT(read(5), IsEmpty());
  const auto pending = server_.read([this](Snapshot& s) { return pending_pairs(s, run_); });
  ASSERT_TRUE(pending);
  EXPECT_EQ(pending->step, 5);
  EXPECT_EQ(pending->rows, 3);
  store(5, 3, 4);
  EXPECT_THAT(steps(), ElementsAre(0, 5));
  EXPECT_FALSE(server_.read([this](Snapshot& s) { return pending_pairs(s, run_); }));
}

TEST_F(PairsTest, LaterThanAStepAreRemovedWithRowsOfATableThatIsNotWhole) {
  store(0);
  store(3);
  store(6);
  store(9, 0, 2);
  EXPECT_EQ(server_.write([this](Transaction& t) { return truncate_after(t, run_, 3); }), 1);
  EXPECT_THAT(steps(), ElementsAre(0, 3));
  EXPECT_EQ(series().progress.count, 2);
  EXPECT_EQ(series().progress.last_step, 3);
  EXPECT_EQ(series().progress.last_time_us, 103);
  EXPECT_FALSE(server_.read([this](Snapshot& s) { return pending_pairs(s, run_); }));
  store(9, 0, 2);
  EXPECT_EQ(server_.write([this](Transaction& t) { return truncate_after(t, run_, 3); }), 0);
  EXPECT_FALSE(server_.read([this](Snapshot& s) { return pending_pairs(s, run_); }));
  store(4);
  EXPECT_THAT(steps(), ElementsAre(0, 3, 4));
  EXPECT_EQ(server_.write([this](Transaction& t) { return truncate_after(t, run_, -1); }), 3);
  EXPECT_THAT(server_.read([this](Snapshot& s) { return series_of(s, run_); }), IsEmpty());
}

TEST_F(PairsTest, AreCheckedWithTheWholeDatabase) {
  for (Step step = 0; step < 40; ++step) store(step);
  store(40, 0, 2);
  EXPECT_THAT(verify(server_.database), IsEmpty()) << "a table that is not whole yet is no fault";
  const Series now = series();
  server_.writer.stop();
  {
    SQLite::Database file(server_.database.file().string(), SQLite::OPEN_READWRITE);
    file.exec("UPDATE pairs_blocks SET rows = 3 WHERE step = 7; DELETE FROM pairs_blocks WHERE step = 9");
  }
  EXPECT_THAT(verify(server_.database),
              ElementsAre("run aaaaaaaa, series kl.pairs: 39 points, but 40 were counted",
                          "run aaaaaaaa, series kl.pairs, step 7: 3 rows of pairs, not 4"));
}

TEST_F(PairsTest, ThatAreDamagedAreAnErrorAndNoCrash) {
  store(0);
  server_.writer.stop();
  {
    SQLite::Database file(server_.database.file().string(), SQLite::OPEN_READWRITE);
    file.exec("UPDATE pairs_blocks SET data = substr(data, 1, length(data) - 3)");
  }
  EXPECT_EQ(code_of([this] { read(0); }), Code::kDataLoss);
}

}  // namespace
}  // namespace hooke::storage
