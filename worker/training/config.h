// The configuration of a run as plain values, and its only parser. No LibTorch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/data/data.h"
#include "worker/engine/measures.h"
#include "worker/models/config.h"

namespace hooke::training {

enum class Optimizer { kSgd, kAdam, kAdamW, kTraining };
enum class Schedule { kConstant, kStep, kCosine };

// Field names, meanings and defaults are those of hooke.v1.TrainingConfig.
struct TrainingConfig {
  Optimizer optimizer = Optimizer::kAdam;
  double lr = 1e-3;
  double momentum = 0;
  bool nesterov = false;
  double weight_decay = 0;
  engine::Loss loss = engine::Loss::kCrossEntropy;
  std::int64_t batch = 64;
  std::int64_t epochs = 1;
  std::int64_t seed = 0;
  std::int64_t evaluate_every = 0;
  Schedule schedule = Schedule::kConstant;
  std::vector<int> milestones;
  double gamma = 0.1;
  std::int64_t warmup = 0;
  double clip = 0;
  bool float64 = false;
  std::int64_t checkpoint_every = 0;
  bool data_parallel = false;
};

// hooke.v1.UpdateConfig.
struct UpdateConfig {
  std::string name;
  Optimizer optimizer = Optimizer::kAdam;
  std::optional<double> lr;
  double weight_decay = 0;
};

// hooke.v1.ProbesConfig.
struct ProbesConfig {
  std::int64_t per_class = 20;
  std::int64_t every = 10;
  bool self_pairs = true;
  bool keep_pairs = false;
  std::vector<UpdateConfig> updates = {{}};
  std::vector<int> size_steps;
};

// hooke.v1.RunConfig.
struct Config {
  std::string name;
  data::Config data;
  models::Config model;
  TrainingConfig training;
  ProbesConfig probes;
  std::vector<engine::Measure> measures = {engine::Measure::kKl, engine::Measure::kL2,
                                           engine::Measure::kL2Logit, engine::Measure::kLoss};
};

// Reads canonical JSON; absent fields take their defaults. Throws hooke::Error with the field's
// path: kInvalidArgument (syntax, type, range, unknown field or name), kUnimplemented (a known
// value that this trainer cannot do).
Config parse_config(std::string_view json);

}  // namespace hooke::training
