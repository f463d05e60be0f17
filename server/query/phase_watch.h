// The phases of runs that are followed, answered anew as their series grow: for Tail.
//
// Belongs to one thread at a time. look() is cheap; answer() computes, without a snapshot.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "server/query/phases.h"

namespace hooke::query {

class PhaseWatch {
 public:
  // Throws hooke::Error (kInvalidArgument) as phase_question() does.
  explicit PhaseWatch(const v1::GetPhasesRequest& request) : question_(phase_question(request)) {}

  // Notes which series of the run have grown by a tenth since they were last judged, have been cut back,
  // or are whole now that the run has ended.
  void look(storage::Snapshot& snapshot, const storage::Run& run);

  // Whether a series is to be judged.
  bool due() const { return !due_.empty(); }

  // Judges one series. Absent when the answer has not changed, or there are too few points yet.
  // REQUIRES: due().
  std::optional<v1::RunPhases> answer(storage::Readers& readers);

 private:
  using Name = std::pair<RunId, std::string>;  // of a run, the key as it was asked for
  struct Judged {
    std::int64_t points = 0;  // stored when it was last judged
    bool ended = false;       // likewise the run
    bool waiting = false;     // in due_
    std::optional<v1::RunPhases> sent;
  };

  const PhaseQuestion question_;
  std::map<Name, Judged> judged_;
  std::deque<Name> due_;
};

}  // namespace hooke::query
