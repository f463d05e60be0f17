// What a word of Slurm means for a run. A function of its argument.
#pragma once

#include <string_view>

namespace hooke::scheduling {

enum class SlurmPhase {
  kWaiting,    // Slurm will start the task, perhaps again
  kStarted,    // it runs, or is just being ended and may yet be queued again; also every unknown word
  kCancelled,  // ended for good, by a person
  kEnded,      // ended for good otherwise
  kForgotten,  // Slurm does not know the job
};

// Of hooke.v1.SlurmJob.state, as "PENDING (Resources)" or "CANCELLED by 1000": its first word counts.
SlurmPhase phase_of(std::string_view state);

}  // namespace hooke::scheduling
