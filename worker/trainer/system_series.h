// Several recorders as one, which hear what the machine does, too: from time to time the scalars of a step
// have those of system/* among them. So these need no records of their own, stand at a step once, and
// are no part of what a training is resumed from. One thread, the training's.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "worker/system/sampler.h"
#include "worker/trainer/fan_out.h"

namespace hooke::trainer {

class SystemSeries : public FanOut {
 public:
  SystemSeries(std::vector<training::Recorder*> recorders, system::Sampler sampler)
      : FanOut(std::move(recorders)), sampler_(std::move(sampler)) {}

  void scalars(std::int64_t step, const std::vector<std::pair<std::string, double>>& values) override {
    auto all = values;
    for (auto& value : sampler_.sample(system::Sampler::Clock::now())) all.push_back(std::move(value));
    FanOut::scalars(step, all);
  }

 private:
  system::Sampler sampler_;
};

}  // namespace hooke::trainer
