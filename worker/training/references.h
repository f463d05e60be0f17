// What is known of S without measuring it, recorded beside the measurements: on manifolds the
// geodesic distance, of ridge regression the exact curve.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/data/data.h"
#include "worker/engine/engine.h"
#include "worker/models/net.h"
#include "worker/training/config.h"
#include "worker/training/recorder.h"
#include "worker/training/ridge_flow.h"

namespace hooke::training {

// A training at its beginning; everything outlives the constructor of References only.
struct Beginning {
  const Config& config;
  const data::DataSet& data;
  const models::Net& net;     // with its first weights
  const at::Tensor& inputs;   // of the training examples, as the net takes them
  const at::Tensor& targets;  // as the loss takes them
  bool full_batches = false;
  const std::vector<engine::Update>& updates;
  engine::Grouping grouping;
  const std::vector<std::int64_t>& probes;  // positions among the training examples
};

class References {
 public:
  // Throws hooke::Error (kInvalidArgument, "probes.updates") when an update has the name of a curve.
  explicit References(const Beginning& beginning);

  // Whether scalars() wants results with pairs.
  bool needs_pairs() const { return !geodesics_.empty(); }

  // The exact curves, "elasticity/l2_logit@flow", and their points after a step.
  std::vector<MatrixSeries> series() const;
  void record_exact(std::int64_t step, Recorder& recorder) const;

  // "geodesic/pearson.kl@small" and "geodesic/left_out.kl@small", for each measure of distance.
  std::vector<std::pair<std::string, double>> scalars(const std::vector<engine::Result>& results) const;

 private:
  struct Curve {
    std::string key;
    engine::StepRule update;
  };
  void follow_ridge_flow(const Beginning& beginning);

  std::vector<std::string> suffixes_;  // of each update's series
  std::vector<std::string> class_names_;
  engine::Grouping grouping_;
  std::vector<double> geodesics_;  // [probes][probes]; empty when not on manifolds
  std::vector<Curve> curves_;
  std::optional<RidgeFlow> flow_;  // where there are curves
  FeatureExamples probes_;
  double lr_ = 0;  // of the training
};

}  // namespace hooke::training
