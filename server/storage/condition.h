// What rows of a list must meet and how they are ordered, as plain values; server/storage/listing makes
// SQL of it. Whoever builds one has checked that field, comparison and value fit.
//
// Logic has two values: a comparison with what a row does not have (no such tag, no end yet) is false,
// "not equal" too. A latest value that is NaN is there: it differs from everything and is nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace hooke::storage {

enum class Field {
  // Of experiments and runs.
  kName,  // resource name
  kSubmitter,
  kNote,
  kArchived,
  kCreateTime,
  kTag,  // with the tag's key; of a run its own, or else its experiment's
  // Of experiments: how many runs.
  kRunCount,
  // Of runs; of experiments: whether a run is in that state (Comparison::kIs only).
  kState,
  // Of experiments and runs: the experiment's name.
  kExperiment,
  // Of runs.
  kRunId,
  kSeed,
  kStep,
  kTotalSteps,
  kStartTime,
  kEndTime,
  kRecordTime,
  kUpdateTime,  // of the last change of state or record
  kDuration,    // microseconds from the start to the end, or to the last record so far
  kWorker,
  kAttempt,
  kFailedAttempts,
  kMaxAttempts,
  kPriority,
  kExecutor,
  kReason,
  kConfigHash,
  kConfig,  // with a path of SQLite's json_extract, as "$.training.lr"
  kLatest,  // with the series' key
};

struct Operand {
  Field field = Field::kName;
  std::string key;  // of a tag, of the configuration, of a series; else empty
};

enum class Comparison {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIs,          // as equal; NaN is NaN
  kStartsWith,  // of text, with one that is not empty; case counts
  kEndsWith,    // as kStartsWith
  kContains,    // of text; case of A to Z does not count
  kHolds,       // of a list in the configuration: one of its elements is equal
  kPresent,     // is there: not an empty text, not a time that has not come; the value is not used
};

// Times and durations are microseconds, booleans 0 and 1, states their numbers.
using ConditionValue = std::variant<std::int64_t, double, std::string>;

struct Condition {
  enum class Kind {
    kAll,      // all of `parts`; true without any
    kAny,      // any of `parts`
    kNot,      // not the one of `parts`
    kCompare,  // operand comparison value
    kSearch,   // the value is part of a name, an id, or a key or value of a tag
  };
  Kind kind = Kind::kAll;
  std::vector<Condition> parts;
  Operand operand;
  Comparison comparison = Comparison::kEqual;
  ConditionValue value;
};

// Rows without a value (and NaN) come last, in either direction.
struct SortKey {
  Operand operand;
  bool descending = false;
};

}  // namespace hooke::storage
