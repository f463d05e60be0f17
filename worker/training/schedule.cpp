#include "worker/training/schedule.h"

#include <cmath>
#include <numbers>

namespace hooke::training {

double learning_rate(const TrainingConfig& config, std::int64_t step, std::int64_t steps_per_epoch,
                     std::int64_t total_steps) {
  double rate = config.lr;
  if (config.schedule == Schedule::kStep) {
    for (const int milestone : config.milestones) {
      if (step / steps_per_epoch >= milestone) rate *= config.gamma;
    }
  } else if (config.schedule == Schedule::kCosine) {
    const double progress = static_cast<double>(step) / static_cast<double>(total_steps);
    rate *= 0.5 * (1 + std::cos(std::numbers::pi * progress));
  }
  if (step < config.warmup) rate *= static_cast<double>(step + 1) / static_cast<double>(config.warmup);
  return rate;
}

}  // namespace hooke::training
