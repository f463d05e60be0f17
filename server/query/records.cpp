#include "server/query/records.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "server/query/find.h"
#include "server/storage/attempts.h"
#include "server/storage/pairs.h"
#include "server/storage/points.h"
#include "server/storage/series.h"

namespace hooke::query {
namespace {

using storage::Attempt;
using storage::PairsPlace;
using storage::Series;
using storage::SeriesKind;

constexpr std::size_t kMessageBytes = 1u << 20;
constexpr std::size_t kPointsPerMessage = kMessageBytes / 24;
constexpr std::size_t kAttemptsPerMessage = 1000;
constexpr std::size_t kBytesPerCell = 20;

// The attempt that a stored value at `step` is of: every start removed what was later, so it is the last
// one that began before that step.
std::int32_t attempt_at(const std::vector<Attempt>& attempts, Step step) {
  for (auto attempt = attempts.rbegin(); attempt != attempts.rend(); ++attempt)
    if (attempt->started_us && attempt->resume_step.value_or(-1) < step) return attempt->number;
  return 0;
}

class RecordReader {
 public:
  RecordReader(storage::Readers& readers, std::string_view run,
               const std::function<void(const v1::ReadRecordsResponse&)>& send)
      : readers_(readers), send_(send) {
    auto snapshot = readers_.snapshot();
    run_ = find_run(snapshot, run, "run").id;
    attempts_ = storage::attempts_of(snapshot, run_);
    for (Series& series : storage::series_of(snapshot, run_)) {
      const auto last = last_stored(snapshot, series);
      if (last) series_.push_back({std::move(series), *last});
    }
  }

  void send_all() {
    send_attempts();
    for (const auto& [series, last] : series_)
      series.declaration.kind == SeriesKind::kPairs ? send_pairs(series, last)
                                                    : send_series(series, last.step);
  }

 private:
  // Of the points themselves: what is said about them elsewhere might be wrong.
  static std::optional<PairsPlace> last_stored(storage::Snapshot& snapshot, const Series& series) {
    constexpr Step kEver = std::numeric_limits<Step>::max();
    const SeriesKind kind = series.declaration.kind;
    if (kind == SeriesKind::kPairs) return storage::last_pairs_block(snapshot, series.id);
    const auto step = kind == SeriesKind::kScalar
                          ? storage::last_scalar_step(snapshot, series.id, kEver)
                          : storage::last_common_matrix_step(snapshot, {series.id}, kEver);
    return step ? std::optional(PairsPlace{*step, 0}) : std::nullopt;
  }

  void send_attempts() {
    v1::ReadRecordsResponse message;
    for (const Attempt& attempt : attempts_) {
      auto& stored = *message.add_attempts();
      stored.set_number(attempt.number);
      stored.set_attempt_id(storage::id_of(attempt));
      stored.set_last_record(attempt.last_record);
      stored.set_started(attempt.started_us.has_value());
      if (attempt.resume_step) stored.set_resume_step(*attempt.resume_step);
      if (message.attempts_size() < static_cast<int>(kAttemptsPerMessage)) continue;
      send_(message);
      message.Clear();
    }
    send_(message);
  }

  void send_series(const Series& series, Step last) {
    for (Step from = 0; from <= last;) {
      v1::ReadRecordsResponse message;
      message.set_key(series.declaration.key);
      {
        auto snapshot = readers_.snapshot();
        require_same_attempts(snapshot);
        fill(snapshot, series, {from, last}, message);
      }
      if (message.step().empty()) return;
      for (const Step step : message.step()) message.add_attempt(attempt_at(attempts_, step));
      from = *message.step().rbegin() + 1;
      send_(message);
    }
  }

  // A message for each block: they are large.
  void send_pairs(const Series& series, const PairsPlace& last) {
    for (PairsPlace next;;) {
      std::optional<storage::PairsBlock> block;
      {
        auto snapshot = readers_.snapshot();
        require_same_attempts(snapshot);
        block = storage::next_pairs_block(snapshot, series, next.step, next.first_row);
      }
      if (!block || std::pair(block->step, block->first_row) > std::pair(last.step, last.first_row)) return;
      next = {block->step, block->first_row + 1};
      v1::ReadRecordsResponse message;
      message.set_key(series.declaration.key);
      message.add_step(block->step);
      message.add_attempt(attempt_at(attempts_, block->step));
      auto& point = *message.add_pairs();
      point.set_step(block->step);
      point.set_time_us(block->time_us);
      point.set_key(series.declaration.key);
      point.set_first_row(block->first_row);
      point.set_numerators(std::move(block->numerators));
      point.set_denominators(std::move(block->denominators));
      send_(message);
    }
  }

  static void fill(storage::Snapshot& snapshot, const Series& series, storage::StepRange range,
                   v1::ReadRecordsResponse& message) {
    if (series.declaration.kind == SeriesKind::kScalar) {
      const auto column = storage::read_scalars(snapshot, series.id, range, kPointsPerMessage);
      message.mutable_step()->Add(column.step.begin(), column.step.end());
      message.mutable_value()->Add(column.value.begin(), column.value.end());
      return;
    }
    const std::size_t bytes = std::max<std::size_t>(1, series.declaration.eligible.size() * kBytesPerCell);
    const std::size_t limit = std::max<std::size_t>(1, kMessageBytes / (bytes + 24));
    for (auto& point : storage::read_matrices(snapshot, series.id, range, limit)) {
      message.add_step(point.step);
      message.add_planes(std::move(point.planes));
    }
  }

  void require_same_attempts(storage::Snapshot& snapshot) const {
    const auto now = storage::attempts_of(snapshot, run_);
    const auto started = [](const std::vector<Attempt>& attempts) {
      return std::count_if(attempts.begin(), attempts.end(), [](const Attempt& a) { return a.started_us; });
    };
    if (started(now) != started(attempts_))
      throw Error(Code::kAborted, "another attempt of the run began meanwhile; ask again");
  }

  storage::Readers& readers_;
  const std::function<void(const v1::ReadRecordsResponse&)>& send_;
  RunId run_;
  std::vector<Attempt> attempts_;
  std::vector<std::pair<Series, PairsPlace>> series_;  // with points, and where the last one stands
};

}  // namespace

void read_records(storage::Readers& readers, std::string_view run,
                  const std::function<void(const v1::ReadRecordsResponse&)>& send) {
  RecordReader(readers, run, send).send_all();
}

}  // namespace hooke::query
