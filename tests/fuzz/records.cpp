// A worker's records, into the ingest Session on a database. What was accepted is what is stored, exactly
// once; a record that breaks a rule is named and fails the run; sent again, nothing changes.
#include <cmath>
#include <cstring>
#include <map>

#include "server/ingest/session.h"
#include "server/scheduling/queue.h"
#include "server/storage/digest.h"
#include "server/storage/points.h"
#include "server/storage/runs.h"
#include "server/storage/series.h"
#include "tests/fuzz/message_mutator.h"
#include "tests/fuzz/target.h"
#include "tests/unit/server/storage/temp_database.h"

using namespace hooke;

namespace {

constexpr TimeUs kNow = 1'700'000'000'000'000;

// A run that is leased. Every input starts from it, since what one stores is rolled back.
struct Leased {
  Leased() : server(folder.path(), options()) {
    scheduling::Queue queue(
        server.writer, {}, [] { return kNow; },
        [this](std::size_t n) { return storage::sha256(std::to_string(drawn++)).substr(0, n); });
    scheduling::SubmitRequest submit;
    submit.request_id = "submit";
    submit.name = "e";
    submit.runs.push_back({"{}", 0, {}});
    run = queue.submit(submit).runs[0].id;
    scheduling::LeaseRequest lease;
    lease.request_id = "lease";
    lease.worker = "w";
    const auto grant = queue.lease(lease).value();
    key = {grant.run.run_id, grant.attempt, grant.token};
  }
  static storage::WriterOptions options() {
    storage::WriterOptions options;
    options.max_delay = std::chrono::milliseconds(0);
    return options;
  }
  fuzz::Folder folder;
  hooke::tests::Server server;
  int drawn = 0;
  RunId run;
  storage::AttemptKey key;
};

struct RollBack {};

// What a run's scalar series and matrices must hold, by key and step.
struct Model {
  std::map<std::string, std::map<Step, double>> scalars;
  std::map<std::string, std::map<Step, std::string>> matrices;

  void add(const v1::Record& record) {
    const auto& points = record.scalars();
    for (int i = 0; i < points.key_size(); ++i) scalars[points.key(i)][points.step()] = points.value(i);
    if (record.has_matrix())
      matrices[record.matrix().key()][record.matrix().step()] = record.matrix().planes();
  }
};

bool same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

void check_stored(storage::Snapshot& snapshot, RunId run, const Model& model) {
  std::size_t scalars = 0, matrices = 0;
  for (const storage::Series& series : storage::series_of(snapshot, run)) {
    const std::string& key = series.declaration.key;
    if (series.declaration.kind == storage::SeriesKind::kScalar && series.progress.count > 0) {
      ++scalars;
      const auto stored = storage::read_scalars(snapshot, series.id);
      const auto expected = model.scalars.find(key);
      fuzz::check(expected != model.scalars.end() && expected->second.size() == stored.step.size(),
                  "a series has other points than were sent");
      auto point = expected->second.begin();
      for (std::size_t i = 0; i < stored.step.size(); ++i, ++point)
        fuzz::check(point->first == stored.step[i] && same(point->second, stored.value[i]),
                    "a point is not the one that was sent");
    }
    if (series.declaration.kind == storage::SeriesKind::kMatrix && series.progress.count > 0) {
      ++matrices;
      std::map<Step, std::string> stored;
      for (auto& matrix : storage::read_matrices(snapshot, series.id))
        stored[matrix.step] = std::move(matrix.planes);
      const auto expected = model.matrices.find(key);
      fuzz::check(expected != model.matrices.end() && expected->second == stored,
                  "a matrix is not the one that was sent");
    }
  }
  fuzz::check(scalars == model.scalars.size() && matrices == model.matrices.size(), "a series is missing");
}

// In pieces of `size` records, as a worker would send them; numbered on when `number` says so.
std::vector<v1::RecordBatch> cut(const v1::RecordBatch& batch, int size, bool number) {
  std::vector<v1::RecordBatch> batches;
  for (int i = 0; i < batch.records_size(); ++i) {
    if (i % size == 0) batches.emplace_back();
    auto& record = *batches.back().add_records();
    record = batch.records(i);
    if (number) record.set_number(static_cast<std::uint64_t>(i) + 1);
  }
  return batches;
}

void run_input(storage::Transaction& transaction, const Leased& leased,
               const std::vector<v1::RecordBatch>& sent) {
  const auto clock = [] { return kNow; };
  const std::initializer_list<Code> refusals = {Code::kFailedPrecondition, Code::kOutOfRange,
                                                Code::kInvalidArgument};
  ingest::Session session(clock, leased.key);
  Model model;
  std::uint64_t committed = session.open(transaction);
  bool broken = false;
  for (const v1::RecordBatch& batch : sent) {
    const bool applied = fuzz::allowed(refusals, [&] {
      const auto done = session.apply(transaction, batch);
      for (const v1::Record& record : batch.records())
        if (record.number() == committed + 1 && record.number() <= done.committed) {
          ++committed;
          model.add(record);
        }
      fuzz::check(done.committed == committed, "a record was counted that was not new");
      broken = !done.broken.empty();
    });
    if (!applied) return;  // the writer rolls all of it back
    if (broken) break;
  }
  const auto run = storage::find_run(transaction, leased.run).value();
  fuzz::check(!broken || (run.state == storage::RunState::kFailed), "a broken rule did not fail the run");
  check_stored(transaction, leased.run, model);

  // A stream that is opened anew sees the same, and drops what it has.
  ingest::Session again(clock, leased.key);
  fuzz::allowed(refusals, [&] {
    fuzz::check(again.open(transaction) == committed, "another stream begins elsewhere");
    for (const v1::RecordBatch& batch : sent) {
      v1::RecordBatch old;
      for (const v1::Record& record : batch.records())
        if (record.number() <= committed && record.number() > 0) *old.add_records() = record;
      fuzz::check(again.apply(transaction, old).records == 0, "a record was taken twice");
    }
  });
  check_stored(transaction, leased.run, model);
}

}  // namespace

const google::protobuf::Message& fuzz::prototype(std::uint8_t) {
  return v1::RecordBatch::default_instance();
}

const std::vector<std::string>& fuzz::words() {
  static const std::vector<std::string> all = {
      "train/loss", "test/accuracy", "elasticity/kl", "elasticity/kl.pairs", "a", "b", "cat", "", "x[a,b]"};
  return all;
}

// Two bytes: how many records a batch has, and whether they are numbered anew; then a RecordBatch.
void fuzz::one_input(Input input) {
  static Leased leased;
  const int size = 1 + input.byte() % 8;
  const bool number = input.byte() % 4 != 0;
  v1::RecordBatch batch;
  if (!batch.ParseFromString(std::string(input.rest()))) return;
  const auto sent = cut(batch, size, number);
  try {
    leased.server.write([&](storage::Transaction& transaction) {
      run_input(transaction, leased, sent);
      throw RollBack{};
    });
  } catch (const RollBack&) {
  }
}
