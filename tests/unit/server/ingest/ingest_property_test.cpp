// Random histories of one run against a model of a few lines: records sent in order, again, with gaps, out
// of order, by attempts that another has replaced, and attempts that resume anywhere.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include "server/scheduling/queue.h"
#include "server/storage/digest.h"
#include "server/storage/points.h"
#include "server/storage/series.h"
#include "tests/unit/server/ingest/client.h"
#include "tests/unit/server/storage/temp_database.h"

namespace hooke::ingest {
namespace {

using hooke::tests::Server;
using hooke::tests::TempFolder;

constexpr TimeUs kPeriod = 60'000'000;
const std::string kMatrix = "elasticity/kl";
const std::vector<std::string> kClasses{"cat", "dog"};

enum class Act { kSend, kSendAgain, kGap, kSwap, kStale, kReplace, kLapse, kReopen, kRestart, kBreak };

// One thing that happens; what `a` and `b` mean depends on it, and any value has a meaning.
struct Event {
  Act act;
  unsigned a, b;
};

std::ostream& operator<<(std::ostream& out, const Event& event) {
  static const char* const kNames[] = {"send",    "send again", "gap",    "swap",    "stale",
                                       "replace", "lapse",      "reopen", "restart", "break"};
  return out << kNames[static_cast<int>(event.act)] << ' ' << event.a << ' ' << event.b;
}

rc::Gen<Event> any_event() {
  const auto act = rc::gen::weightedElement<Act>({{12, Act::kSend},
                                                  {5, Act::kSendAgain},
                                                  {3, Act::kGap},
                                                  {3, Act::kSwap},
                                                  {3, Act::kStale},
                                                  {4, Act::kReplace},
                                                  {2, Act::kLapse},
                                                  {2, Act::kReopen},
                                                  {1, Act::kRestart},
                                                  {1, Act::kBreak}});
  return rc::gen::build<Event>(rc::gen::set(&Event::act, act),
                               rc::gen::set(&Event::a, rc::gen::inRange(0u, 12u)),
                               rc::gen::set(&Event::b, rc::gen::inRange(0u, 1000u)));
}

// What must be stored: each series' values by step, matrices by their first plane's first cell.
using Stored = std::map<std::string, std::map<Step, double>>;

// An attempt as its worker has it: every record that it ever made.
struct Attempt {
  storage::AttemptKey key;
  std::unique_ptr<Client> client;
  std::vector<v1::Record> records;
  Step next_step = 0;
};

class History {
 public:
  History() { open_server(); }

  void begin() {
    scheduling::SubmitRequest request;
    request.request_id = "submit";
    request.name = "e";
    request.runs.push_back({
        "{}",
        0,
        {},
    });
    request.max_attempts = 1000;
    run_ = queue_->submit(request).runs[0].id;
    run_id_ = run().run_id;
    lease();
    start({});
  }

  void happen(const Event& event) {
    switch (event.act) {
      case Act::kSend:
        make_records(1 + event.a, event.b);
        return send_from(committed() + 1);
      case Act::kSendAgain:
        make_records(event.a % 3, event.b);
        return send_from(committed() + 1 - std::min<std::uint64_t>(committed(), event.b % 20));
      case Act::kGap:
        make_records(2 + event.a, event.b);
        return expect_gap(committed() + 2 + event.a % 2, {});
      case Act::kSwap:
        make_records(3, event.b);
        return expect_gap(committed() + 1, std::size_t{event.a % 2});
      case Act::kStale:
        if (attempts_.size() < 2) return;
        return stale(event.b % (attempts_.size() - 1));
      case Act::kReplace:
        return replace(event.a, event.b);
      case Act::kLapse:
        now_ += kPeriod;
        queue_->sweep(now_);
        RC_ASSERT(run().state == storage::RunState::kQueued);
        make_records(1 + event.a, event.b);
        send_from(committed() + 1);
        RC_ASSERT(run().state == storage::RunState::kRunning);
        return;
      case Act::kReopen:
        return reopen();
      case Act::kRestart:
        close_server();
        open_server();
        return reopen();
      case Act::kBreak:
        return break_a_rule(event.b);
    }
  }

  // The model against the database.
  void check() {
    Stored found;
    server_->read([&](storage::Snapshot& snapshot) {
      for (const std::string& key : keys_) {
        const auto series = storage::find_series(snapshot, run_, key);
        if (!series) continue;
        if (key == kMatrix) {
          for (const Step step : storage::matrix_steps(snapshot, series->id)) {
            float first = 0;
            const auto point = storage::find_matrix(snapshot, series->id, step);
            std::memcpy(&first, point->planes.data(), sizeof first);
            found[key][step] = first;
          }
        } else {
          const auto column = storage::read_scalars(snapshot, series->id);
          for (std::size_t i = 0; i < column.step.size(); ++i) {
            const bool once = found[key].emplace(column.step[i], column.value[i]).second;
            RC_ASSERT(once);
          }
        }
      }
      std::set<Step> barriers;
      for (const auto& barrier : storage::barriers_of(snapshot, run_)) barriers.insert(barrier.step);
      RC_ASSERT(barriers == barriers_);
      return 0;
    });
    for (const std::string& key : keys_) {
      RC_ASSERT(found[key].size() == stored_[key].size());
      for (const auto& [step, value] : stored_[key]) {
        RC_ASSERT(found[key].count(step) == 1u);
        const double got = found[key][step];
        RC_ASSERT(got == value || (std::isnan(got) && std::isnan(value)));
      }
    }
    RC_ASSERT(run().step == step_);
    RC_ASSERT(Client(*ingest_, current().key).committed == committed());
  }

 private:
  Attempt& current() { return attempts_.back(); }
  std::uint64_t committed() { return current().client->committed; }
  storage::Run run() {
    return server_->read([&](storage::Snapshot& s) { return storage::find_run(s, run_).value(); });
  }

  void open_server() {
    server_ = std::make_unique<Server>(folder_.path());
    ingest_ = std::make_unique<Ingest>(server_->writer, [this] { return now_; });
    queue_ = std::make_unique<scheduling::Queue>(
        server_->writer, scheduling::QueueOptions{}, [this] { return now_; },
        [this](std::size_t n) { return storage::sha256(std::to_string(drawn_++)).substr(0, n); });
  }
  void close_server() {
    for (Attempt& attempt : attempts_) attempt.client.reset();
    queue_.reset();
    ingest_.reset();
    server_.reset();
  }

  void lease() {
    scheduling::LeaseRequest request;
    request.request_id = "lease-" + std::to_string(drawn_);
    request.worker = "w1";
    const auto granted = queue_->lease(request).value();
    Attempt attempt;
    attempt.key = {granted.run.run_id, granted.attempt, granted.token};
    attempt.client = std::make_unique<Client>(*ingest_, attempt.key);
    RC_ASSERT(attempt.client->committed == 0u);
    attempts_.push_back(std::move(attempt));
  }

  void start(std::optional<Step> resume) {
    Attempt& attempt = current();
    attempt.next_step = resume ? *resume + 1 : 0;
    attempt.records = {ingest::start(resume), declare(kMatrix, kClasses)};
    number_records();
    send_from(1);
  }

  void number_records() {
    for (std::size_t i = 0; i < current().records.size(); ++i)
      current().records[i].set_number(static_cast<std::uint64_t>(i) + 1);
  }

  // The worker makes `count` more records; `seed` decides of what kind they are and what they hold.
  void make_records(unsigned count, unsigned seed) {
    Attempt& attempt = current();
    for (unsigned i = 0; i < count; ++i) {
      const unsigned kind = (seed + 7 * i) % 5;
      const double value = value_++ % 17 == 3 ? std::nan("") : static_cast<double>(value_) / 3;
      if (kind == 3 && attempt.next_step > 0) {
        attempt.records.push_back(barrier(attempt.next_step - 1));
      } else if (kind == 4) {
        v1::Record record = matrix(kMatrix, attempt.next_step++, 80);
        const auto first = static_cast<float>(value_);
        std::memcpy(record.mutable_matrix()->mutable_planes()->data(), &first, sizeof first);
        attempt.records.push_back(std::move(record));
      } else {
        std::vector<std::pair<std::string, double>> values{{keys_[kind % 2], value}};
        if (kind == 2) values.emplace_back(keys_[1], -value);
        attempt.records.push_back(scalars(attempt.next_step, values));
        attempt.next_step += 1 + (seed + i) % 3;
      }
    }
    number_records();
  }

  // Sends all that was made from record `first` on; all of it is committed then.
  void send_from(std::uint64_t first) {
    const std::uint64_t before = committed();
    current().client->send_batch(batch_from(first));
    for (std::uint64_t number = before + 1; number <= current().records.size(); ++number)
      model_record(current().records[number - 1]);
    RC_ASSERT(committed() == current().records.size());
  }

  v1::RecordBatch batch_from(std::uint64_t first) {
    v1::RecordBatch batch;
    for (std::uint64_t number = std::max<std::uint64_t>(first, 1); number <= current().records.size();
         ++number)
      *batch.add_records() = current().records[number - 1];
    if (batch.records().empty()) *batch.add_records() = current().records.back();
    return batch;
  }

  void model_record(const v1::Record& record) {
    if (record.has_attempt_start()) {
      const bool resumes = record.attempt_start().has_resume_step();
      step_ = resumes ? record.attempt_start().resume_step() : -1;
      for (auto& [key, points] : stored_) points.erase(points.upper_bound(step_), points.end());
      barriers_.erase(barriers_.upper_bound(step_), barriers_.end());
    } else if (record.has_scalars()) {
      for (int i = 0; i < record.scalars().key_size(); ++i)
        stored_[record.scalars().key(i)][record.scalars().step()] = record.scalars().value(i);
      step_ = std::max<Step>(step_, record.scalars().step());
    } else if (record.has_matrix()) {
      float first = 0;
      std::memcpy(&first, record.matrix().planes().data(), sizeof first);
      stored_[kMatrix][record.matrix().step()] = first;
      step_ = std::max<Step>(step_, record.matrix().step());
    } else if (record.has_barrier()) {
      barriers_.insert(record.barrier().step());
      step_ = std::max<Step>(step_, record.barrier().step());
    }
  }

  // A batch with a hole is refused whole; the run goes on.
  void expect_gap(std::uint64_t first, std::optional<std::size_t> swapped) {
    v1::RecordBatch batch = batch_from(first);
    if (swapped) batch.mutable_records()->SwapElements(static_cast<int>(*swapped), batch.records_size() - 1);
    const std::uint64_t before = committed();
    bool refused = false;
    try {
      current().client->send_batch(batch);
    } catch (const Error& error) {
      refused = error.code() == Code::kOutOfRange;
    }
    RC_ASSERT(refused);
    RC_ASSERT(committed() == before);
    RC_ASSERT(run().state == storage::RunState::kRunning);
  }

  void stale(std::size_t which) {
    Attempt& attempt = attempts_[which];
    if (!attempt.client) return;  // its stream went with a restart
    v1::RecordBatch batch;
    *batch.add_records() = loss(1'000'000);
    batch.mutable_records(0)->set_number(attempt.client->committed + 1);
    bool fenced = false;
    try {
      attempt.client->send_batch(batch);
    } catch (const storage::FencedError& error) {
      fenced = std::string(error.reason()) == "ATTEMPT_SUPERSEDED";
    }
    RC_ASSERT(fenced);
  }

  // Another attempt is granted and resumes at one of the barriers, or at none.
  void replace(unsigned a, unsigned b) {
    now_ += kPeriod;
    queue_->sweep(now_);
    lease();
    std::optional<Step> resume;
    if (!barriers_.empty() && a % 4 != 0)
      resume = *std::next(barriers_.begin(), static_cast<std::ptrdiff_t>(b % barriers_.size()));
    start(resume);
  }

  void reopen() {
    const std::uint64_t before = current().records.size();
    current().client = std::make_unique<Client>(*ingest_, current().key);
    RC_ASSERT(committed() <= before);
    send_from(committed() + 1);
  }

  // A step goes back: what came before is kept, the run fails, and a retry begins another attempt.
  void break_a_rule(unsigned seed) {
    Attempt& attempt = current();
    attempt.records.push_back(scalars(attempt.next_step++, {{keys_[0], 1}}));
    const std::size_t kept = attempt.records.size();
    attempt.records.push_back(scalars(attempt.next_step - 1, {{keys_[1], 1}, {keys_[0], 2}}));
    number_records();
    const std::uint64_t before = committed();
    bool refused = false;
    try {
      attempt.client->send_batch(batch_from(before + 1));
    } catch (const storage::FencedError& error) {
      refused = std::string(error.reason()) == "PROTOCOL_BROKEN";
    }
    RC_ASSERT(refused);
    for (std::uint64_t number = before + 1; number <= kept; ++number)
      model_record(attempt.records[number - 1]);
    RC_ASSERT(run().state == storage::RunState::kFailed);
    queue_->retry(run_id_, "");
    lease();
    std::optional<Step> resume;
    if (!barriers_.empty() && seed % 2 == 0) resume = *barriers_.rbegin();
    start(resume);
  }

  TempFolder folder_;
  TimeUs now_ = 1'000'000'000;
  int drawn_ = 0;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Ingest> ingest_;
  std::unique_ptr<scheduling::Queue> queue_;
  RunId run_;
  std::string run_id_;
  std::vector<Attempt> attempts_;
  std::uint64_t value_ = 0;

  const std::vector<std::string> keys_{"train/loss", "train/accuracy", kMatrix};
  Stored stored_;
  std::set<Step> barriers_;
  Step step_ = -1;
};

RC_GTEST_PROP(IngestProperty, AnyHistoryLeavesWhatItsModelHolds, ()) {
  const auto events = *rc::gen::container<std::vector<Event>>(any_event());
  History history;
  history.begin();
  for (const Event& event : events) {
    history.happen(event);
    history.check();
  }
}

}  // namespace
}  // namespace hooke::ingest
