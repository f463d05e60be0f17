// The learning rate of each step. Pure function; any thread.
#pragma once

#include <cstdint>

#include "worker/training/config.h"

namespace hooke::training {

// Rate of training step `step` (from 0): the configured one times the schedule's factor, times
// (step + 1) / warmup during the warm-up.
double learning_rate(const TrainingConfig& config, std::int64_t step, std::int64_t steps_per_epoch,
                     std::int64_t total_steps);

}  // namespace hooke::training
