// The vocabulary of the stored records: what every table family shares. Plain values.
//
// Enum values have the numbers of hooke.v1, so that a service converts them by static_cast.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proto/hooke/error.h"
#include "proto/hooke/ids.h"

namespace hooke::storage {

// Time and randomness come in through these, so that tests own them.
using Clock = std::function<TimeUs()>;
using Random = std::function<std::string(std::size_t count)>;  // `count` random bytes

// Tags, labels, sweep values.
using Pairs = std::map<std::string, std::string>;

// hooke.v1.RunState.
enum class RunState { kQueued = 1, kRunning = 2, kSucceeded = 3, kFailed = 4, kCancelled = 5 };

inline bool is_final(RunState state) {
  return state >= RunState::kSucceeded;
}

// "queued", "running", …
const char* name_of(RunState state);

// hooke.v1.ReasonKind.
enum class ReasonKind {
  kNone = 0,
  kExit = 1,
  kSignal = 2,
  kException = 3,
  kLeaseLapsed = 4,
  kReturned = 5,
  kCancelled = 6,
  kProtocol = 7,
  kAttemptsExhausted = 8,
};

// hooke.v1.Reason; kNone: there is none.
struct Reason {
  ReasonKind kind = ReasonKind::kNone;
  std::string message;
  std::int32_t exit_status = 0;
  std::int32_t signal = 0;
  bool operator==(const Reason&) const = default;
};

// How an attempt ended; the first four are hooke.v1.Outcome.
enum class Outcome {
  kSucceeded = 1,
  kFailed = 2,
  kCrashed = 3,
  kReturned = 4,
  kLapsed = 5,      // its lease ran out; it may go on until another attempt is granted
  kCancelled = 6,   // the run was cancelled
  kSuperseded = 7,  // a later start of the same Slurm job took over
};

// hooke.v1.SeriesKind.
enum class SeriesKind { kScalar = 1, kMatrix = 2, kPairs = 3 };

// hooke.v1.SlurmJob.
struct SlurmJob {
  std::string cluster;
  std::string job_id;
  std::int32_t restart_count = 0;
  std::string nodes;
  std::string state;
  bool operator==(const SlurmJob&) const = default;
};

// One page of a list. `next` goes on after its last item; empty on the last page.
template <class T>
struct Page {
  std::vector<T> items;
  std::string next;
};

// Which page is wanted: at most `limit` items after `after` (a Page's `next`; empty: from the start).
struct PageRequest {
  std::size_t limit = 50;
  std::string after;
};

}  // namespace hooke::storage
