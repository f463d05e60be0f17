#include "worker/agent/ending.h"

namespace hooke::agent {
namespace {

// Exit statuses of a trainer that cannot write to its spool, not even why, and of one that was told to stop.
constexpr int kExitNoSpool = 74;
constexpr int kExitStopped = 75;

// The trainer's own words, if there was room for them in its log. Another attempt would do no better.
v1::Reason spool_reason(const Ended& ended) {
  std::string said = complaint(ended.process, ended.log);
  if (said.empty()) said = "spool " + ended.spool + ": cannot be written";
  // Words of a full disk's, unless its log ended in their middle.
  const bool advised = said.find("make room") != std::string::npos;
  if (!advised) said += "; its disk is full or broken: make room for it, then retry the run";
  return make_reason(v1::REASON_KIND_EXCEPTION, said);
}

}  // namespace

v1::Reason make_reason(v1::ReasonKind kind, const std::string& message) {
  v1::Reason reason;
  reason.set_kind(kind);
  reason.set_message(message);
  return reason;
}

std::optional<Ending> ending_of(const Ended& ended) {
  const bool exited = ended.process.signal == 0;
  if (ended.rewound)
    return Ending{v1::OUTCOME_RETURNED, make_reason(v1::REASON_KIND_RETURNED, ended.refusal->what())};
  if (ended.refusal) return std::nullopt;
  const bool succeeded = ended.last && ended.last->state() == v1::RUN_STATE_SUCCEEDED;
  // One that is stopped while records wait has not: the next attempt sends them.
  if (succeeded && ended.drained && exited && ended.process.exit_status == 0)
    return Ending{v1::OUTCOME_SUCCEEDED, {}};
  if (ended.last && ended.last->state() == v1::RUN_STATE_FAILED)
    return Ending{v1::OUTCOME_FAILED, ended.last->reason()};
  if (exited && ended.process.exit_status == kExitNoSpool)
    return Ending{v1::OUTCOME_FAILED, spool_reason(ended)};
  if (ended.stopping && ended.had_no_time)
    return Ending{v1::OUTCOME_FAILED,
                  make_reason(v1::REASON_KIND_RETURNED,
                              "no step was completed within the Slurm task's time limit; give it more time")};
  if (ended.stopping || (exited && ended.process.exit_status == kExitStopped))
    return Ending{v1::OUTCOME_RETURNED, make_reason(v1::REASON_KIND_RETURNED, "the worker was stopped")};
  return Ending{v1::OUTCOME_CRASHED, reason_of(ended.process, ended.log)};
}

}  // namespace hooke::agent
