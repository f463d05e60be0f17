#include "client/cli/audit.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "client/cli/output.h"
#include "worker/spool/spool.h"
#include "worker/uplink/translate.h"

namespace hooke::cli {
namespace {

constexpr std::size_t kExamples = 5;

// The order of values in a series: step, then first row (0 but in tables of pairs).
using SeriesPlace = std::pair<std::int64_t, std::int32_t>;
constexpr SeriesPlace kNowhere{-1, 0};

// One recorded value. What is no scalar is read again from its spool when it is compared.
struct Entry {
  SeriesPlace place;
  spool::Kind kind = spool::Kind::kScalars;
  double value = 0;                  // of a scalar
  const SpoolFile* spool = nullptr;  // of anything else
  spool::Position before = {};       // of its record
};

bool same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

std::string text_of(spool::Kind kind, double value) {
  switch (kind) {
    case spool::Kind::kMatrix:
      return "a matrix";
    case spool::Kind::kPairs:
      return "rows of pairs";
    default:
      return number(value);
  }
}

// Empty: they are the same.
std::string difference_of_bytes(const std::string& what, const std::string& recorded,
                                const std::string& stored) {
  if (recorded == stored) return "";
  if (recorded.size() != stored.size())
    return what + " stored with " + std::to_string(stored.size()) + " bytes, recorded with " +
           std::to_string(recorded.size());
  const auto at = std::mismatch(recorded.begin(), recorded.end(), stored.begin()).first - recorded.begin();
  return what + " differ from byte " + std::to_string(at) + " of " + std::to_string(recorded.size()) + " on";
}

// Value `i` of a message.
class Stored {
 public:
  Stored(const v1::ReadRecordsResponse& message, int i) : message_(message), i_(i) {}

  spool::Kind kind() const {
    if (i_ < message_.pairs_size()) return spool::Kind::kPairs;
    return i_ < message_.planes_size() ? spool::Kind::kMatrix : spool::Kind::kScalars;
  }
  SeriesPlace place() const {
    return {message_.step(i_), kind() == spool::Kind::kPairs ? message_.pairs(i_).first_row() : 0};
  }
  double value() const { return i_ < message_.value_size() ? message_.value(i_) : NAN; }
  std::int32_t attempt() const { return message_.attempt(i_); }
  std::string text() const { return text_of(kind(), value()); }

  // What is different from what was recorded; empty: nothing.
  std::string difference(const Entry& entry) const {
    const bool scalar = entry.kind == spool::Kind::kScalars;
    if (entry.kind != kind() || (scalar && !same(entry.value, value())))
      return "stored as " + text() + ", recorded as " + text_of(entry.kind, entry.value);
    if (scalar) return "";
    spool::Reader reader(entry.spool->path);
    reader.go_to(entry.before);
    const std::string recorded = reader.next().value().payload;
    if (entry.kind == spool::Kind::kMatrix)
      return difference_of_bytes("matrices", spool::decode_matrix(recorded).planes, message_.planes(i_));
    const auto pairs = spool::decode_pairs(recorded);
    const std::string above =
        difference_of_bytes("numerators", pairs.numerators, message_.pairs(i_).numerators());
    if (!above.empty()) return above;
    return difference_of_bytes("denominators", pairs.denominators, message_.pairs(i_).denominators());
  }

 private:
  const v1::ReadRecordsResponse& message_;
  const int i_;
};

class Auditor {
 public:
  explicit Auditor(const SpoolRun& spools) : spools_(spools) {}

  // Messages as they come: attempts, then series by key.
  void take(const v1::ReadRecordsResponse& message) {
    for (const auto& attempt : message.attempts()) load(attempt);
    if (message.key().empty()) return;
    if (message.key() != key_) begin_series(message.key());
    for (int i = 0; i < message.step_size(); ++i) compare(Stored(message, i));
  }

  Audit finish() {
    while (!expected_.empty()) begin_series(expected_.begin()->first);
    end_series();
    return std::move(audit_);
  }

 private:
  void remark(const std::string& text) { audit_.remarks.push_back(text); }

  void example(const SeriesPlace& place, const std::string& what) {
    if (audit_.examples.size() >= kExamples) return;
    std::string where = key_ + " step " + std::to_string(place.first);
    if (place.second > 0) where += " from row " + std::to_string(place.second);
    audit_.examples.push_back(where + ": " + what);
  }

  const SpoolFile* spool_of(const v1::StoredAttempt& attempt) {
    for (const SpoolFile& file : spools_.files) {
      if (file.number != attempt.number()) continue;
      if (spools_.offline || file.attempt_id == attempt.attempt_id()) return &file;
      remark(file.path.string() +
             " is of an attempt that the server has forgotten (it was restored from a backup)");
    }
    return nullptr;
  }

  // Adds what an attempt recorded, and removes what its start removed.
  void load(const v1::StoredAttempt& attempt) {
    if (!attempt.started()) return;
    const SpoolFile* file = spool_of(attempt);
    if (!file) {
      truncate(attempt.has_resume_step() ? attempt.resume_step() : -1);
      return remark("attempt " + std::to_string(attempt.number()) + ": its spool is not there");
    }
    spool::Reader reader(file->path);
    const std::uint64_t freed = reader.position().number;
    // What the spool says goes, where it still does.
    if (freed > 0) truncate(attempt.has_resume_step() ? attempt.resume_step() : -1);
    auto before = reader.position();
    for (auto record = reader.next(); record && record->number <= attempt.last_record();
         record = reader.next()) {
      add(*record, *file, before);
      before = reader.position();
    }
    if (freed > 0)
      remark(file->path.string() + ": records 1 to " + std::to_string(freed) +
             " were freed after the server had them");
    if (before.number < attempt.last_record())
      remark(file->path.string() + " ends at record " + std::to_string(before.number) + ", the server has " +
             std::to_string(attempt.last_record()));
    if (freed == 0 && before.number == attempt.last_record()) whole_.insert(attempt.number());
  }

  void add(const spool::Record& record, const SpoolFile& file, spool::Position before) {
    switch (record.kind) {
      case spool::Kind::kScalars: {
        const auto scalars = spool::decode_scalars(record.payload);
        for (const auto& [key, value] : scalars.values)
          expected_[key].push_back({{scalars.step, 0}, record.kind, value, nullptr, {}});
        break;
      }
      case spool::Kind::kMatrix: {
        const auto matrix = spool::decode_matrix(record.payload);
        expected_[matrix.series].push_back({{matrix.step, 0}, record.kind, 0, &file, before});
        break;
      }
      case spool::Kind::kPairs: {
        const auto pairs = spool::decode_pairs(record.payload);
        const SeriesPlace place{pairs.step, static_cast<std::int32_t>(pairs.first_row)};
        expected_[pairs.series].push_back({place, record.kind, 0, &file, before});
        break;
      }
      case spool::Kind::kJson:
        if (record.number != 1) break;
        const auto first = uplink::to_protocol(record);
        if (first.has_attempt_start())
          truncate(first.attempt_start().has_resume_step() ? first.attempt_start().resume_step() : -1);
        break;
    }
  }

  void truncate(std::int64_t step) {
    for (auto& [key, entries] : expected_)
      while (!entries.empty() && entries.back().place.first > step) entries.pop_back();
  }

  void begin_series(const std::string& key) {
    end_series();
    key_ = key;
    last_ = kNowhere;
    next_ = 0;
    const auto found = expected_.find(key);
    if (found == expected_.end()) return;
    entries_ = std::move(found->second);
    expected_.erase(found);
  }

  void end_series() {
    while (next_ < entries_.size()) miss(entries_[next_++]);
    entries_.clear();
  }

  void miss(const Entry& entry) {
    ++audit_.missing;
    example(entry.place, "not stored; recorded as " + text_of(entry.kind, entry.value));
  }

  void compare(const Stored& stored) {
    const SeriesPlace place = stored.place();
    while (next_ < entries_.size() && entries_[next_].place < place) miss(entries_[next_++]);
    if (next_ < entries_.size() && entries_[next_].place == place) {
      ++audit_.compared;
      const std::string difference = stored.difference(entries_[next_++]);
      if (!difference.empty()) {
        ++audit_.different;
        example(place, difference);
      }
    } else if (place <= last_ || whole_.contains(stored.attempt())) {
      ++audit_.unexpected;
      example(place, (place <= last_ ? "stored again, as " : "in no spool; stored as ") + stored.text() +
                         " (attempt " + std::to_string(stored.attempt()) + ")");
    } else {
      ++audit_.not_comparable;
    }
    last_ = std::max(last_, place);
  }

  const SpoolRun& spools_;
  Audit audit_;
  std::map<std::string, std::vector<Entry>> expected_;  // by series, steps increasing
  std::set<std::int32_t> whole_;                        // attempts of which every record is there
  // Of the series that is being compared.
  std::string key_;
  std::vector<Entry> entries_;
  std::size_t next_ = 0;
  SeriesPlace last_ = kNowhere;
};

}  // namespace

Audit audit_run(Api& api, const std::string& run, const SpoolRun& spools) {
  Auditor auditor(spools);
  api.read_records(run, [&](const v1::ReadRecordsResponse& message) { auditor.take(message); });
  return auditor.finish();
}

}  // namespace hooke::cli
