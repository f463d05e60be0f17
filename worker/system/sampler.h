// What the machine does while a training runs: the values of the series system/*.
//
// Reads clocks and files below /proc alone, so a training never notices. One thread.
#pragma once

#include <chrono>

#include "worker/system/gpus.h"

namespace hooke::system {

class Sampler {
 public:
  using Clock = std::chrono::steady_clock;

  // Samples are due at once, then after 1 s, 2 s, 4 s, 8 s, and from there on every 10 s: a short run has a
  // curve, too, and a long one few points.
  static constexpr std::chrono::seconds kShortest{1}, kLongest{10};

  // `threads`: how many the training was given. `begin`: from when on the CPU's time is counted.
  Sampler(int threads, Gpus gpus, Clock::time_point begin);

  // Nothing when no sample is due. Else
  //   system/cpu.utilization  CPU time of this process since the last sample, in percent of what its
  //                           threads could have had; somewhat above 100 when others of its threads ran
  //   system/memory.rss       bytes of this process in memory
  //   system/memory.used      bytes in use on the machine, by whoever; without what can be had back at once
  // and those of the GPUs.
  Values sample(Clock::time_point now);

 private:
  int threads_;
  Gpus gpus_;
  Clock::time_point last_;  // sample, or the begin
  Clock::time_point due_;   // the next one
  Clock::duration period_;  // after the next one
  double cpu_seconds_ = 0;  // of this process, at `last_`
};

}  // namespace hooke::system
