// How an attempt is reported when its trainer has ended: a pure decision.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hooke/v1/worker.pb.h"
#include "proto/hooke/error.h"
#include "worker/agent/trainer_process.h"

namespace hooke::agent {

// What is known then.
struct Ended {
  ProcessEnd process;
  bool drained = false;          // the server has every record
  std::optional<v1::End> last;   // the spool's last record, once it was read
  std::optional<Error> refusal;  // why the server takes nothing more
  bool rewound = false;          // because it has lost what it had acknowledged
  bool stopping = false;         // the worker was told to stop
  bool had_no_time = false;      // its time ran out before the first step, and not for the first time
  std::vector<std::string> log;  // the trainer's last lines
  std::string spool = {};        // its file
};

struct Ending {
  v1::Outcome outcome = v1::OUTCOME_UNSPECIFIED;
  v1::Reason reason;  // none of a success
};

v1::Reason make_reason(v1::ReasonKind kind, const std::string& message);

// Nothing: the attempt is fenced, and nobody waits for its end.
std::optional<Ending> ending_of(const Ended& ended);

}  // namespace hooke::agent
