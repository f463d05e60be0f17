#include "server/ingest/ingest.h"

#include <gmock/gmock.h>

#include <cmath>
#include <future>
#include <limits>

#include "server/ingest/limits.h"
#include "server/scheduling/queue.h"
#include "server/storage/digest.h"
#include "server/storage/pairs.h"
#include "server/storage/points.h"
#include "server/storage/series.h"
#include "tests/unit/server/ingest/client.h"
#include "tests/unit/server/storage/temp_database.h"

namespace hooke::ingest {
namespace {

using hooke::tests::code_of;
using hooke::tests::Server;
using hooke::tests::TempFolder;
using storage::RunState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr TimeUs kSecond = 1'000'000;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

class IngestTest : public ::testing::Test {
 protected:
  IngestTest()
      : server_(folder_.path(), without_checkpoints()),
        ingest_(server_.writer, [this] { return now_; }),
        queue_(
            server_.writer, {}, [this] { return now_; },
            [this](std::size_t n) { return storage::sha256(std::to_string(drawn_++)).substr(0, n); }) {}

  // The WAL only grows: its length tells what was written.
  static storage::WriterOptions without_checkpoints() {
    storage::WriterOptions options;
    options.checkpoint_bytes = std::numeric_limits<std::int64_t>::max();
    return options;
  }

  // Submits a run and leases it.
  storage::AttemptKey grant(const std::string& name = "e") {
    scheduling::SubmitRequest request;
    request.request_id = "submit-" + name;
    request.name = name;
    request.runs.push_back({"{}", 0, {}});
    run_ = queue_.submit(request).runs[0].id;
    return lease();
  }
  storage::AttemptKey lease() {
    scheduling::LeaseRequest request;
    request.request_id = "lease-" + std::to_string(drawn_);
    request.worker = "w1";
    const auto granted = queue_.lease(request).value();
    barriers_ = granted.barriers;
    return {granted.run.run_id, granted.attempt, granted.token};
  }
  // The lease of the run lapses and another attempt is granted.
  storage::AttemptKey lease_again() {
    now_ += 60 * kSecond;
    queue_.sweep(now_);
    return lease();
  }

  storage::Run run() {
    return server_.read([&](storage::Snapshot& s) { return storage::find_run(s, run_).value(); });
  }
  std::vector<Step> steps(const std::string& key) {
    return server_.read([&](storage::Snapshot& s) -> std::vector<Step> {
      const auto series = storage::find_series(s, run_, key);
      if (!series) return {};
      switch (series->declaration.kind) {
        case storage::SeriesKind::kScalar:
          return storage::read_scalars(s, series->id).step;
        case storage::SeriesKind::kMatrix:
          return storage::matrix_steps(s, series->id);
        case storage::SeriesKind::kPairs:
          return storage::pairs_steps(s, *series);
      }
      return {};
    });
  }
  // Sends records after a start and expects that they break the protocol with this message, that the
  // run has failed without another attempt, and that what came before is kept.
  void expect_breach(std::vector<v1::Record> records, const std::string& message) {
    static int number = 0;
    Client client(ingest_, grant("breach-" + std::to_string(++number)));
    client.send({start(), declare("elasticity/kl", {"cat", "dog"}), scalars(4, {{"kept", 1}})});
    EXPECT_EQ(client.refused(std::move(records)), "PROTOCOL_BROKEN");
    EXPECT_THAT(client.message, HasSubstr(message));
    EXPECT_EQ(run().state, RunState::kFailed);
    EXPECT_EQ(run().reason.kind, storage::ReasonKind::kProtocol);
    EXPECT_THAT(run().reason.message, HasSubstr(message));
    EXPECT_EQ(steps("kept"), std::vector<Step>{4});
    EXPECT_EQ(client.refused({loss(50)}), "RUN_FINISHED");
  }

  TempFolder folder_;
  TimeUs now_ = 1'000 * kSecond;
  int drawn_ = 0;
  Server server_;
  Ingest ingest_;
  scheduling::Queue queue_;
  RunId run_;
  std::vector<storage::Barrier> barriers_;
};

TEST_F(IngestTest, StoresWhatItAcknowledges) {
  Client client(ingest_, grant());
  EXPECT_EQ(client.committed, 0u);
  client.send({start(), declare("elasticity/kl", {"cat", "dog"}), loss(0, 1.5),
               scalars(1, {{"train/loss", kNan}, {"train/accuracy", 0.25}}), matrix("elasticity/kl", 1, 80),
               barrier(1)});
  EXPECT_EQ(client.committed, 6u);
  EXPECT_THAT(steps("train/loss"), ElementsAre(0, 1));
  EXPECT_THAT(steps("train/accuracy"), ElementsAre(1));
  EXPECT_THAT(steps("elasticity/kl"), ElementsAre(1));
  EXPECT_EQ(run().step, 1);
  EXPECT_EQ(run().total_steps, 100);
  EXPECT_EQ(run().record_us, now_);
  const auto latest = server_.read([&](storage::Snapshot& s) { return storage::latest_values(s, run_); });
  ASSERT_EQ(latest.size(), 2u);
  EXPECT_EQ(latest[0].value, 0.25);
  EXPECT_TRUE(std::isnan(latest[1].value));
  EXPECT_EQ(ingest_.records_committed(), 6);
  EXPECT_EQ(ingest_.open_streams(), 1);
}

TEST_F(IngestTest, DropsWhatIsSentAgain) {
  const auto key = grant();
  Client client(ingest_, key);
  client.send({start(), loss(0), loss(1)});
  client.next = 2;
  client.send({loss(0), loss(1), loss(2)});
  EXPECT_EQ(client.committed, 4u);
  client.next = 1;
  client.send({start()});
  EXPECT_EQ(client.committed, 4u);
  EXPECT_THAT(steps("train/loss"), ElementsAre(0, 1, 2));
  Client again(ingest_, key);
  EXPECT_EQ(again.committed, 4u);
  again.send({loss(3)});
  EXPECT_THAT(steps("train/loss"), ElementsAre(0, 1, 2, 3));
}

TEST_F(IngestTest, RefusesAGapAndKeepsTheRun) {
  Client client(ingest_, grant());
  client.send({start(), loss(0)});
  client.next = 4;
  EXPECT_EQ(code_of([&] { client.send({loss(2)}); }), Code::kOutOfRange);
  EXPECT_EQ(run().state, RunState::kRunning);
  client.next = 3;
  client.send({loss(1), loss(2)});
  EXPECT_EQ(client.committed, 4u);
  EXPECT_EQ(code_of([&] { client.send_batch({}); }), Code::kInvalidArgument);
}

TEST_F(IngestTest, TwoStreamsOfOneAttemptDoNotConfuseEachOther) {
  const auto key = grant();
  Client first(ingest_, key);
  first.send({start(), loss(0)});
  Client second(ingest_, key);
  second.send({loss(1), scalars(1, {{"new", 1}}), loss(2)});
  first.next = 3;
  first.send({loss(1), scalars(1, {{"new", 1}}), loss(2), scalars(3, {{"new", 2}, {"train/loss", 0}})});
  EXPECT_EQ(first.committed, 6u);
  EXPECT_THAT(steps("train/loss"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(steps("new"), ElementsAre(1, 3));
}

TEST_F(IngestTest, ThatIsRolledBackLeavesNoTraceInTheCache) {
  Client client(ingest_, grant());
  client.send({start(), loss(0)});
  // The gap at its end rolls the batch back, with the series that it made.
  v1::RecordBatch batch;
  *batch.add_records() = scalars(1, {{"new", 1}, {"train/loss", 1}});
  *batch.add_records() = loss(2);
  batch.mutable_records(0)->set_number(3);
  batch.mutable_records(1)->set_number(9);
  EXPECT_EQ(code_of([&] { client.send_batch(batch); }), Code::kOutOfRange);
  EXPECT_THAT(steps("new"), IsEmpty());
  client.next = 3;
  client.send({scalars(1, {{"new", 1}, {"train/loss", 1}})});
  EXPECT_THAT(steps("new"), ElementsAre(1));
  EXPECT_THAT(steps("train/loss"), ElementsAre(0, 1));
}

TEST_F(IngestTest, BreachesFailTheRunByName) {
  expect_breach({loss(5), loss(5)}, "series train/loss, step 5");
  expect_breach({loss(5), loss(3)}, "not after its step 5");
  expect_breach({scalars(-1, {{"a", 1}})}, "step -1 is negative");
  expect_breach({scalars(5, {{"a", 1}, {"a", 2}})}, "series a, step 5: it is twice");
  expect_breach({scalars(5, {{"kept", 1}, {"kept", 2}})}, "series kept, step 5: it is twice");
  expect_breach({scalars(5, {{"", 1}})}, "must not be empty");
  expect_breach({scalars(5, {{"a\nb", 1}})}, "printable");
  expect_breach({scalars(5, {{"a\xC2\x9B"
                              "2J",
                              1}})},
                "printable");
  for (const TimeUs time_us : {TimeUs{-1}, std::numeric_limits<TimeUs>::max()}) {
    auto late = loss(5);
    late.mutable_scalars()->set_time_us(time_us);
    expect_breach({late}, "between the years 1970 and 9999");
  }
  expect_breach({scalars(5, {{std::string(300, 'x'), 1}})}, "too long");
  expect_breach({matrix("nothing", 5, 20)}, "series nothing, step 5: no matrix was declared");
  expect_breach({matrix("kept", 5, 20)}, "no matrix was declared");
  expect_breach({scalars(5, {{"elasticity/kl", 1}})}, "it was declared as no scalar");
  expect_breach({matrix("elasticity/kl", 5, 79)}, "79 bytes for 4 cells; must be 80");
  expect_breach({matrix("elasticity/kl", 5, 80), matrix("elasticity/kl", 4, 80)}, "not after its step 5");
  expect_breach({declare("m", {"a", "b,c"})}, "class name 'b,c'");
  expect_breach({declare("m", {"a", "a"})}, "there twice");
  expect_breach({declare("m", {})}, "it needs class names");
  expect_breach({matrix("elasticity/kl", 5, 80), declare("elasticity/kl", {"cat"})},
                "declared with another kind");
  expect_breach({start()}, "must be record 1");
  expect_breach({barrier(9), barrier(8)}, "before the last one's 9");
  expect_breach({end(v1::RUN_STATE_QUEUED)}, "succeeded or failed");
  expect_breach({end(), loss(9)}, "nothing may follow it");
  expect_breach({v1::Record()}, "no body");
}

// Was: stored, and then inexact in every reader of JSON; provenance had no limit but a message's.
TEST_F(IngestTest, StepsThatJsonCannotTellAndEndlessProvenanceFailTheRunByName) {
  expect_breach({loss(kMaxStep + 1)}, "is too large");
  expect_breach({barrier(kMaxStep + 1)}, "is too large");
  expect_breach({matrix("elasticity/kl", kMaxStep + 1, 80)},
                "elasticity/kl: step 9007199254740992 is too large");
  v1::Record provenance;
  provenance.mutable_provenance()->set_host(std::string(kMaxProvenanceBytes, 'h'));
  expect_breach({provenance}, "provenance: ");
}

TEST_F(IngestTest, StoresTablesOfPairsAsTheirRowsCome) {
  const auto key = grant();
  Client client(ingest_, key);
  client.send({start(), declare_pairs("kl.pairs", {"cat", "dog"}, 2), loss(0), pairs("kl.pairs", 0, 0, 4),
               loss(1), pairs("kl.pairs", 1, 0, 1), pairs("kl.pairs", 1, 1, 2)});
  EXPECT_THAT(steps("kl.pairs"), ElementsAre(0)) << "the second is not whole";
  // Another stream of the attempt, after a resend, goes on where the rows end.
  Client again(ingest_, key);
  again.next = 7;
  again.send({pairs("kl.pairs", 1, 1, 2), pairs("kl.pairs", 1, 3, 1), barrier(1)});
  EXPECT_EQ(again.committed, 9u);
  EXPECT_THAT(steps("kl.pairs"), ElementsAre(0, 1));
  EXPECT_EQ(run().step, 1);
}

TEST_F(IngestTest, AStartRemovesRowsOfATableThatWasNotWhole) {
  Client first(ingest_, grant());
  first.send({start(), declare_pairs("kl.pairs", {"cat", "dog"}, 2), loss(0), pairs("kl.pairs", 0, 0, 4),
              barrier(0), loss(1), pairs("kl.pairs", 1, 0, 3)});
  Client second(ingest_, lease_again());
  second.send({start(0), declare_pairs("kl.pairs", {"cat", "dog"}, 2), loss(1), pairs("kl.pairs", 1, 0, 2),
               pairs("kl.pairs", 1, 2, 2), loss(2), pairs("kl.pairs", 2, 0, 1)});
  EXPECT_THAT(steps("kl.pairs"), ElementsAre(0, 1));
  Client third(ingest_, lease_again());
  third.send({start(0), loss(1)});
  EXPECT_THAT(steps("kl.pairs"), ElementsAre(0));
}

TEST_F(IngestTest, BreachesOfPairsFailTheRunByName) {
  const v1::Record declared = declare_pairs("p", {"cat", "dog"}, 2);
  expect_breach({pairs("p", 5, 0, 4)}, "series p, step 5: no pairs were declared");
  expect_breach({pairs("elasticity/kl", 5, 0, 4)}, "no pairs were declared");
  expect_breach({declared, matrix("p", 5, 80)}, "no matrix was declared");
  expect_breach({declared, scalars(5, {{"p", 1}})}, "it was declared as no scalar");
  expect_breach({declared, pairs("p", 5, 1, 3)}, "series p, step 5: row 1 came in place of row 0");
  expect_breach({declared, pairs("p", 5, 0, 1), pairs("p", 5, 2, 2)}, "row 2 came in place of row 1");
  expect_breach({declared, pairs("p", 5, 0, 1), pairs("p", 5, 0, 4)}, "row 0 came in place of row 1");
  expect_breach({declared, pairs("p", 5, 0, 5)}, "80 bytes of numerators from row 0");
  expect_breach({declared, pairs("p", 5, 0, 2), pairs("p", 5, 2, 3)}, "from row 2; must be whole rows of 16");
  expect_breach({declared, pairs("p", 5, 0, 4), pairs("p", 5, 0, 4)}, "not after its step 5");
  expect_breach({declared, pairs("p", 5, 0, 1), pairs("p", 6, 0, 4)}, "series p, step 5 must be whole");
  expect_breach({declared, pairs("p", 5, 0, 3), barrier(5)}, "series p, step 5: its rows from 3 on");
  expect_breach({declared, pairs("p", 5, 0, 3), loss(6)}, "must come before anything else");
  v1::Record wrong = pairs("p", 5, 0, 4);
  wrong.mutable_pairs()->set_denominators(std::string(20, 'd'));
  expect_breach({declared, wrong}, "20 bytes of denominators; must be 16");
  wrong = pairs("p", 5, 0, 4);
  wrong.mutable_pairs()->mutable_numerators()->pop_back();
  expect_breach({declared, wrong}, "63 bytes of numerators");
  expect_breach({declare_pairs("p", {"cat", "dog"}, 0)}, "0 probes for each of 2 classes");
  expect_breach({declare_pairs("p", {"cat", "dog"}, 2049)}, "1 to 4096 probes in all");
  expect_breach({declared, pairs("p", 5, 0, 4), declare_pairs("p", {"cat", "dog"}, 3)},
                "declared with another kind");
  wrong = declare("p", {"cat", "dog"});
  wrong.mutable_series_declaration()->set_per_class(2);
  expect_breach({wrong}, "per_class belongs to pairs");
}

TEST_F(IngestTest, ATrainerThatFailsInATableMaySayWhy) {
  Client client(ingest_, grant());
  client.send(
      {start(), declare_pairs("p", {"cat", "dog"}, 2), pairs("p", 5, 0, 3), end(v1::RUN_STATE_FAILED)});
  EXPECT_EQ(client.committed, 4u);
  EXPECT_THAT(steps("p"), IsEmpty());
}

TEST_F(IngestTest, ABreachStoresNothingOfItsRecordAndEverythingBefore) {
  Client client(ingest_, grant());
  client.send({start()});
  EXPECT_EQ(
      client.refused({loss(0), scalars(1, {{"a", 1}, {"b", 1}, {"train/loss", 1}}),
                      scalars(2, {{"a", 1}, {"c", 1}, {"train/loss", 1}, {"b", 2}, {"b", 3}}), loss(3)}),
      "PROTOCOL_BROKEN");
  EXPECT_THAT(steps("a"), ElementsAre(1));
  EXPECT_THAT(steps("b"), ElementsAre(1));
  EXPECT_THAT(steps("c"), IsEmpty());
  EXPECT_THAT(steps("train/loss"), ElementsAre(0, 1));
}

TEST_F(IngestTest, TheFirstRecordIsAStartOrAnEnd) {
  Client other(ingest_, grant("a"));
  EXPECT_EQ(other.refused({loss(0)}), "PROTOCOL_BROKEN");
  EXPECT_EQ(run().state, RunState::kFailed);
  Client ended(ingest_, grant("b"));
  ended.send({end(v1::RUN_STATE_FAILED)});
  EXPECT_EQ(ended.committed, 1u);
  EXPECT_EQ(run().state, RunState::kRunning);
}

TEST_F(IngestTest, AStartRemovesWhatEarlierAttemptsStoredLater) {
  Client first(ingest_, grant());
  first.send({start(), declare("elasticity/kl", {"cat"}), loss(0), loss(1), matrix("elasticity/kl", 1, 20),
              barrier(1), loss(2), matrix("elasticity/kl", 2, 20), loss(3), barrier(3), loss(4)});
  Client second(ingest_, lease_again());
  ASSERT_EQ(barriers_.size(), 2u);
  EXPECT_EQ(barriers_[0].step, 1);
  EXPECT_EQ(barriers_[0].record, 6u);
  EXPECT_THAT(steps("train/loss"), ElementsAre(0, 1, 2, 3, 4));
  const auto subscription = server_.changes.subscribe({});
  second.send({start(1), loss(2, 9.0)});
  EXPECT_TRUE(subscription->take().runs.at(run_).bits & storage::kPointsTruncated);
  EXPECT_THAT(steps("train/loss"), ElementsAre(0, 1, 2));
  EXPECT_THAT(steps("elasticity/kl"), ElementsAre(1));
  EXPECT_EQ(run().step, 2);
  const auto latest = server_.read([&](storage::Snapshot& s) { return storage::latest_values(s, run_); });
  EXPECT_EQ(latest.at(0).value, 9.0);
  const auto left = server_.read([&](storage::Snapshot& s) { return storage::barriers_of(s, run_); });
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].step, 1);
  EXPECT_EQ(first.refused({loss(5)}), "ATTEMPT_SUPERSEDED");
  Client third(ingest_, lease_again());
  third.send({start(), loss(0, 7.0)});
  EXPECT_THAT(steps("train/loss"), ElementsAre(0));
  EXPECT_THAT(steps("elasticity/kl"), IsEmpty());
  EXPECT_EQ(run().step, 0);
}

TEST_F(IngestTest, AStartResumesAtACommittedBarrierOnly) {
  Client first(ingest_, grant());
  first.send({start(), loss(0), loss(1), barrier(1), loss(2)});
  Client second(ingest_, lease_again());
  EXPECT_EQ(second.refused({start(2)}), "PROTOCOL_BROKEN");
  EXPECT_THAT(second.message, HasSubstr("no committed barrier"));
  EXPECT_THAT(steps("train/loss"), ElementsAre(0, 1, 2));
}

// What the disk is written for a new attempt does not grow with what earlier ones have stored.
TEST_F(IngestTest, ARetryCostsTheSameWhateverTheHistory) {
  const auto cost_after = [&](const std::string& name, Step steps) {
    Client first(ingest_, grant(name));
    first.send({start()});
    for (Step step = 0; step < steps;) {
      std::vector<v1::Record> records;
      for (const Step end = std::min(steps, step + 1000); step < end; ++step) records.push_back(loss(step));
      records.push_back(barrier(step - 1));
      first.send(std::move(records));
    }
    Client second(ingest_, lease_again());
    second.send({start(steps - 1)});
    const auto wal = folder_.path() / "hooke.db-wal";
    const auto before = std::filesystem::file_size(wal);
    Client third(ingest_, lease_again());
    third.send({start(steps - 1), loss(steps)});
    const auto written = std::filesystem::file_size(wal) - before;
    queue_.cancel(run().run_id, "");  // so that the next lease is of another
    return written;
  };
  const auto little = cost_after("little", 1'000), much = cost_after("much", 50'000);
  EXPECT_GT(little, 0u);
  EXPECT_LE(much, 2 * little);
}

TEST_F(IngestTest, AnExtendedRunGoesOnAtItsEndOrLater) {
  const auto key = grant();
  Client first(ingest_, key);
  first.send({start(), loss(0), barrier(0), loss(1), barrier(1), end()});
  scheduling::FinishRequest finish;
  finish.attempt = key;
  finish.outcome = storage::Outcome::kSucceeded;
  finish.last_record = 6;
  queue_.finish(finish);
  queue_.extend({run().run_id, run().config_json, "{\"longer\":1}", ""});
  Client second(ingest_, lease());
  second.send({start(1), loss(2), barrier(2)});
  Client third(ingest_, lease_again());
  third.send({start(2), loss(3)});
  EXPECT_THAT(steps("train/loss"), ElementsAre(0, 1, 2, 3));
  Client before(ingest_, lease_again());
  EXPECT_EQ(before.refused({start(0)}), "PROTOCOL_BROKEN");
  EXPECT_THAT(before.message, HasSubstr("at step 1, or later"));
  queue_.retry(run().run_id, "");
  Client again(ingest_, lease());
  EXPECT_EQ(again.refused({start()}), "PROTOCOL_BROKEN");
  EXPECT_THAT(steps("train/loss"), ElementsAre(0, 1, 2, 3));
}

TEST_F(IngestTest, ALapsedAttemptWritesOnUntilAnotherIsGranted) {
  Client client(ingest_, grant());
  client.send({start(), loss(0)});
  now_ += 60 * kSecond;
  queue_.sweep(now_);
  EXPECT_EQ(run().state, RunState::kQueued);
  client.send({loss(1)});
  EXPECT_EQ(run().state, RunState::kRunning);
  EXPECT_EQ(run().attempt, 1);
  queue_.cancel(run().run_id, "");
  EXPECT_EQ(client.refused({loss(2)}), "RUN_CANCELLED");
  EXPECT_THAT(steps("train/loss"), ElementsAre(0, 1));
}

TEST_F(IngestTest, AStreamWithAWrongTokenIsNotOpened) {
  auto key = grant();
  key.token[0] ^= 1;
  EXPECT_EQ(code_of([&] { Client client(ingest_, key); }), Code::kFailedPrecondition);
  EXPECT_EQ(ingest_.open_streams(), 0);
}

TEST_F(IngestTest, ProvenanceIsKeptWithItsAttempt) {
  Client client(ingest_, grant());
  v1::Record record;
  record.mutable_provenance()->set_device("cpu");
  client.send({start(), record});
  EXPECT_THAT(server_.read([&](storage::Snapshot& s) { return storage::provenance_json(s, run_); }),
              HasSubstr("\"device\":\"cpu\""));
}

// What a kill would leave: the files as they are while the server runs.
TEST_F(IngestTest, WhatWasAcknowledgedIsThereAfterAKill) {
  const auto key = grant();
  Client client(ingest_, key);
  client.send({start(), loss(0), loss(1)});
  client.send({loss(2), barrier(2)});
  const TempFolder copy;
  for (const char* file : {"hooke.db", "hooke.db-wal"})
    std::filesystem::copy_file(folder_.path() / file, copy.path() / file);
  Server after(copy.path());
  Ingest ingest(after.writer, [this] { return now_; });
  Client again(ingest, key);
  EXPECT_EQ(again.committed, 5u);
  again.send({loss(3)});
  const auto column = after.read([&](storage::Snapshot& s) {
    return storage::read_scalars(s, storage::find_series(s, run_, "train/loss")->id);
  });
  EXPECT_THAT(column.step, ElementsAre(0, 1, 2, 3));
}

}  // namespace
}  // namespace hooke::ingest
