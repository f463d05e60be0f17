#include "worker/training/references.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "proto/hooke/error.h"
#include "worker/models/ridge.h"
#include "worker/training/geodesic_correlation.h"

namespace hooke::training {
namespace {

constexpr const char* kFlow = "flow";

// Whether S of the measure tells how far a prediction moves, or how like two examples are.
bool tells_distance(engine::Measure measure) {
  return measure == engine::Measure::kKernel ||
         std::count(std::begin(engine::kDistances), std::end(engine::kDistances), measure) > 0;
}

// Small steps of the training follow a gradient flow that is known exactly.
bool follows_ridge_flow(const Beginning& beginning) {
  const TrainingConfig& training = beginning.config.training;
  return beginning.config.model.type == "ridge" && !beginning.data.regression && beginning.full_batches &&
         training.optimizer == Optimizer::kSgd && training.momentum == 0 &&
         training.loss == engine::Loss::kSquared && training.schedule == Schedule::kConstant &&
         training.warmup == 0 && training.clip == 0 &&
         beginning.config.data.augment != data::Augment::kEveryEpoch;
}

}  // namespace

References::References(const Beginning& beginning)
    : class_names_(beginning.data.class_names),
      grouping_(beginning.grouping),
      lr_(beginning.config.training.lr) {
  for (const engine::Update& update : beginning.updates) {
    suffixes_.push_back(update.name.empty() ? "" : "@" + update.name);
  }
  if (!beginning.data.surfaces.empty()) geodesics_ = data::geodesics(beginning.data, beginning.probes);
  if (follows_ridge_flow(beginning)) follow_ridge_flow(beginning);
}

void References::follow_ridge_flow(const Beginning& beginning) {
  const std::vector<engine::Measure>& measures = beginning.config.measures;
  if (std::count(measures.begin(), measures.end(), engine::Measure::kL2Logit) == 0) return;
  for (const engine::Update& update : beginning.updates) {
    if (update.training || update.rule.kind != engine::StepRule::Kind::kSgd || update.rule.lr == 0) continue;
    const std::string name = update.name.empty() ? kFlow : update.name + "." + kFlow;
    for (const engine::Update& other : beginning.updates) {
      if (other.name == name) {
        throw invalid("probes.updates", "'" + name + "' is the name of the exact curve; choose another one");
      }
    }
    curves_.push_back({"elasticity/l2_logit@" + name, update.rule});
  }
  if (curves_.empty()) return;
  const FeatureExamples all{models::ridge_features(beginning.net, beginning.inputs),
                            beginning.targets.to(at::kCPU, at::kDouble)};
  const at::Tensor index = at::tensor(beginning.probes);
  probes_ = {all.features.index_select(0, index), all.targets.index_select(0, index)};
  flow_.emplace(all, models::ridge_weights(beginning.net), beginning.config.training.weight_decay);
}

std::vector<MatrixSeries> References::series() const {
  std::vector<MatrixSeries> all;
  for (const Curve& curve : curves_) {
    all.push_back({curve.key, class_names_, engine::eligible_pairs(grouping_),
                   engine::describe(curve.update) + ", exact under gradient flow"});
  }
  return all;
}

void References::record_exact(std::int64_t step, Recorder& recorder) const {
  if (curves_.empty()) return;
  const at::Tensor weights = flow_->weights(static_cast<double>(step + 1) * lr_);
  for (const Curve& curve : curves_) {
    recorder.matrix(step, curve.key,
                    ridge_elasticity(weights, probes_, curve.update.weight_decay, grouping_));
  }
}

std::vector<std::pair<std::string, double>> References::scalars(
    const std::vector<engine::Result>& results) const {
  std::vector<std::pair<std::string, double>> values;
  for (const engine::Result& result : results) {
    if (geodesics_.empty() || !tells_distance(result.measure)) continue;
    const std::string name = std::string(engine::name(result.measure)) + suffixes_[result.update];
    const Correlation correlation = correlate(result.ratios(), geodesics_, grouping_.probes());
    values.emplace_back("geodesic/pearson." + name, correlation.pearson);
    values.emplace_back("geodesic/left_out." + name, static_cast<double>(correlation.left_out));
  }
  return values;
}

}  // namespace hooke::training
