// The training loop through what it records, on small generated data.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <thread>

#include "proto/hooke/error.h"
#include "tests/unit/worker/normal.h"
#include "tests/unit/worker/small_training.h"
#include "worker/training/geodesic_correlation.h"
#include "worker/training/random.h"

namespace hooke::training {
namespace {

using hooke::tests::Memory;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::kNever;

class TrainingTest : public SmallTraining {
 protected:
  TrainingTest() {
    config_.training.epochs = 2;
    config_.probes.per_class = 3;
    config_.probes.every = 2;
    options_.measuring_threads = 2;
  }

  void expect_error(Code code, const std::string& field) {
    try {
      Loop loop(config_, options_);
      ADD_FAILURE() << "accepted, expected an error of " << field;
    } catch (const Error& error) {
      EXPECT_EQ(error.field(), field) << error.what();
      EXPECT_EQ(error.code(), code) << error.what();
    }
  }
};

bool same_bits(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (std::memcmp(a[k].data_ptr(), b[k].data_ptr(), a[k].nbytes()) != 0) return false;
  }
  return true;
}

TEST_F(TrainingTest, RecordsItsSeriesAtTheirSteps) {
  const Memory memory = run();
  EXPECT_EQ(memory.facts.total_steps, 6);  // 36 examples make 3 batches of 10; the rest is dropped
  EXPECT_THAT(memory.steps("train/loss"), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(memory.steps("train/accuracy"), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(memory.steps("test/loss"), ElementsAre(2, 5));
  EXPECT_THAT(memory.steps("test/accuracy"), ElementsAre(2, 5));
  EXPECT_THAT(memory.barriers, ElementsAre(2, 5));
  ASSERT_EQ(memory.measured.size(), 12u);  // steps 0, 2, 4 times four measures
  EXPECT_EQ(memory.measured[0], std::pair(std::int64_t{0}, std::string("elasticity/kl")));
  EXPECT_EQ(memory.measured[11], std::pair(std::int64_t{4}, std::string("elasticity/loss")));
}

TEST_F(TrainingTest, NotesWhatIsNeededToMakeItAgain) {
  const Memory memory = run();
  EXPECT_THAT(memory.facts.class_names, ElementsAre("0", "1", "2"));
  EXPECT_THAT(memory.facts.train_examples, ElementsAre(12, 12, 12));
  EXPECT_THAT(memory.facts.test_examples, ElementsAre(4, 4, 4));
  EXPECT_EQ(memory.facts.parameters, 4 * 9 + 4 + 3 * 4 * 16 + 3);
  ASSERT_EQ(memory.facts.probes.size(), 3u);
  for (std::size_t c = 0; c < 3; ++c) {
    ASSERT_EQ(memory.facts.probes[c].size(), 3u);
    for (const std::int64_t index : memory.facts.probes[c])
      EXPECT_EQ(index % 3, static_cast<std::int64_t>(c));
    EXPECT_NE(memory.facts.probes[c][0], memory.facts.probes[c][1]);
  }
  EXPECT_EQ(memory.series[0].description, "Adam, lr 0.01, fresh state");
  EXPECT_THAT(memory.series[0].eligible, Each(9));
}

TEST_F(TrainingTest, GivesTheSameBitsForTheSameSeedAndOthersForAnother) {
  const Memory first = run();
  const auto weights = weights_;
  const Memory second = run();
  EXPECT_TRUE(same_bits(weights, weights_));
  EXPECT_EQ(first.points, second.points);
  for (std::size_t q = 0; q < first.matrices.size(); ++q) {
    EXPECT_EQ(first.matrices[q].mean, second.matrices[q].mean);
  }
  config_.training.seed = 1;
  run();
  EXPECT_FALSE(same_bits(weights, weights_));
}

TEST_F(TrainingTest, IsTheSameBitForBitWhetherItIsMeasuredOrNot) {
  config_.probes.updates = {{}, {"own", Optimizer::kTraining, {}, 0}};
  const Memory measured = run();
  const auto weights = weights_;
  config_.probes.every = 0;
  const Memory unmeasured = run();
  EXPECT_TRUE(same_bits(weights, weights_));
  EXPECT_EQ(measured.points, unmeasured.points);
  EXPECT_FALSE(measured.measured.empty());
  EXPECT_TRUE(unmeasured.measured.empty());
}

// As on GPUs, played by the CPU: the updates side by side in batches, shared out between devices.
TEST_F(TrainingTest, MeasuresTheSameOnSeveralDevices) {
  const Memory one = run();
  const auto weights = weights_;
  options_.device = "cpu,cpu";
  options_.update_batch = 4;
  const Memory several = run();
  EXPECT_TRUE(same_bits(weights_, weights));
  EXPECT_EQ(several.facts.device, "cpu,cpu");
  ASSERT_EQ(several.matrices.size(), one.matrices.size());
  for (std::size_t i = 0; i < one.matrices.size(); ++i) {
    float largest = 0;
    for (const float mean : one.matrices[i].mean) largest = std::max(largest, std::fabs(mean));
    for (std::size_t cell = 0; cell < one.matrices[i].mean.size(); ++cell) {
      EXPECT_NEAR(several.matrices[i].mean[cell], one.matrices[i].mean[cell],
                  1e-4F * std::max(std::fabs(one.matrices[i].mean[cell]), largest))
          << one.measured[i].second;
    }
  }
  options_.device = "cpu,warp:7";
  expect_error(Code::kFailedPrecondition, "device");
}

TEST_F(TrainingTest, LearnsWhatCanBeLearnt) {
  config_.training.epochs = 20;
  config_.probes.every = 0;
  const Memory memory = run();
  EXPECT_EQ(memory.points.at("test/accuracy").back().second, 1);
  EXPECT_LT(memory.points.at("train/loss").back().second,
            0.2 * memory.points.at("train/loss").front().second);
}

TEST_F(TrainingTest, BeginsWithTheLossOfItsFirstMinibatchBeforeTheUpdate) {
  // At rate 0 nothing moves, so with one batch of everything each step has the same loss, and the
  // squared loss of one-hot targets is what the outputs say.
  config_.training.lr = 0;
  config_.training.batch = 0;
  config_.training.epochs = 3;
  config_.training.loss = engine::Loss::kSquared;
  const Memory memory = run();
  const auto& points = memory.points.at("train/loss");
  ASSERT_EQ(points.size(), 3u);
  EXPECT_NEAR(points[0].second, points[2].second, 1e-6);
  EXPECT_NEAR(points[0].second, memory.points.at("test/loss")[0].second, 0.2);
  for (const engine::Matrix& matrix : memory.matrices) EXPECT_THAT(matrix.skipped, Each(9u));
}

TEST_F(TrainingTest, EvaluatesAsOftenAsTold) {
  config_.training.evaluate_every = 4;
  const Memory memory = run();
  EXPECT_THAT(memory.steps("test/loss"), ElementsAre(3, 5));
  EXPECT_THAT(memory.barriers, ElementsAre(3, 5));
}

TEST_F(TrainingTest, OfNoEpochsStartsAndEnds) {
  config_.training.epochs = 0;
  const Memory memory = run();
  EXPECT_EQ(memory.facts.total_steps, 0);
  EXPECT_TRUE(memory.points.empty());
}

TEST_F(TrainingTest, NamesTheSeriesOfEachUpdate) {
  config_.measures = {engine::Measure::kKl};
  config_.probes.updates = {{}, {"small", Optimizer::kAdam, 1e-6, 0}, {"own", Optimizer::kTraining, {}, 0}};
  const Memory memory = run();
  ASSERT_EQ(memory.series.size(), 3u);
  EXPECT_EQ(memory.series[1].key, "elasticity/kl@small");
  EXPECT_EQ(memory.series[1].description, "Adam, lr 1e-06, fresh state");
  EXPECT_EQ(memory.series[2].description, "Adam, lr 0.01, the training's state");
}

TEST_F(TrainingTest, RecordsDivergenceAsItIs) {
  config_.training.optimizer = Optimizer::kSgd;
  config_.training.lr = 1e30;
  config_.training.loss = engine::Loss::kSquared;
  const Memory memory = run();
  EXPECT_FALSE(std::isfinite(memory.points.at("train/loss").back().second));
}

TEST_F(TrainingTest, KeepsTheJointNormOfGradientsBelowTheClip) {
  config_.training.optimizer = Optimizer::kSgd;
  config_.training.lr = 1;
  config_.training.clip = 1e-3;
  config_.training.epochs = 1;
  config_.training.batch = 0;
  run();
  const auto moved = weights_;
  config_.training.lr = 0;
  run();
  double squares = 0;
  for (std::size_t k = 0; k < moved.size(); ++k)
    squares += (moved[k] - weights_[k]).square().sum().item<double>();
  EXPECT_NEAR(std::sqrt(squares), 1e-3, 1e-6);
}

TEST_F(TrainingTest, StopsAtTheNextStepWithABarrierAndACheckpoint) {
  std::atomic<bool> stop = false;
  Memory memory;
  memory.on_scalars = [&](std::int64_t step) { stop = step == 3; };
  Loop loop(config_, options_);
  EXPECT_EQ(loop.run(memory, stop), Outcome::kStopped);
  EXPECT_EQ(memory.steps("train/loss").back(), 3);
  EXPECT_THAT(memory.barriers, ElementsAre(2, 3));
  ASSERT_EQ(memory.checkpoints.size(), 1u);
  EXPECT_EQ(memory.checkpoints[0].step, 3);
}

TEST_F(TrainingTest, LeavesCheckpointsWhenDueAndAtItsEnd) {
  config_.training.checkpoint_every = 4;
  const Memory memory = run();
  EXPECT_THAT(memory.barriers, ElementsAre(2, 3, 5));
  ASSERT_EQ(memory.checkpoints.size(), 2u);
  EXPECT_EQ(memory.checkpoints[0].step, 3);
  EXPECT_EQ(memory.checkpoints[1].step, 5);
}

bool equal(const engine::Matrix& a, const engine::Matrix& b) {
  return std::memcmp(a.mean.data(), b.mean.data(), a.mean.size() * sizeof a.mean[0]) == 0 &&
         std::memcmp(a.sd.data(), b.sd.data(), a.sd.size() * sizeof a.sd[0]) == 0 && a.skipped == b.skipped;
}

// That `rest` is what `whole` has after `step`.
void expect_rest(const Memory& whole, const Memory& rest, std::int64_t step) {
  for (const auto& [key, points] : whole.points) {
    std::vector<std::pair<std::int64_t, double>> later;
    for (const auto& point : points) {
      if (point.first > step) later.push_back(point);
    }
    const auto found = rest.points.find(key);
    EXPECT_EQ(later, found == rest.points.end() ? decltype(later)() : found->second)
        << key << " after " << step;
  }
  const std::size_t first = whole.matrices.size() - rest.matrices.size();
  for (std::size_t q = 0; q < rest.matrices.size(); ++q) {
    EXPECT_EQ(whole.measured[first + q], rest.measured[q]);
    EXPECT_TRUE(equal(whole.matrices[first + q], rest.matrices[q])) << rest.measured[q].first;
  }
}

TEST_F(TrainingTest, ResumedFromAnyCheckpointGivesTheSameBits) {
  struct Case {
    const char* name;
    std::function<void(Config&)> change;
  };
  const Case cases[] = {
      {"Adam and an update with its state",
       [](Config& config) {
         config.probes.updates = {{}, {"own", Optimizer::kTraining, {}, 0}};
       }},
      {"SGD without momentum", [](Config& config) { config.training.optimizer = Optimizer::kSgd; }},
      {"SGD with momentum, clip, warm-up and an MLP",
       [](Config& config) {
         config.training.optimizer = Optimizer::kSgd;
         config.training.momentum = 0.9;
         config.training.nesterov = true;
         config.training.clip = 0.5;
         config.training.warmup = 4;
         config.model.type = "mlp";
       }},
      {"AdamW, batch normalisation, cosine and fresh augmentation",
       [](Config& config) {
         config.training.optimizer = Optimizer::kAdamW;
         config.training.weight_decay = 0.1;
         config.training.schedule = Schedule::kCosine;
         config.model.type = "vgg";
         config.model.norm = models::Norm::kBatch;
         config.data.augment = data::Augment::kEveryEpoch;
       }},
  };
  const Config plain = config_;
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    config_ = plain;
    config_.training.checkpoint_every = 1;
    one.change(config_);
    const Memory whole = run();
    const auto weights = weights_;
    ASSERT_EQ(whole.checkpoints.size(), 6u);
    for (const State& state : whole.checkpoints) {
      const Memory rest = run(&state);
      EXPECT_EQ(rest.facts.resume_step, state.step);
      expect_rest(whole, rest, state.step);
      EXPECT_TRUE(same_bits(weights, weights_)) << "after " << state.step;
    }
  }
}

TEST_F(TrainingTest, StoppedAtAnyMomentAndResumedLosesAndRepeatsNothing) {
  config_.probes.every = 1;
  config_.probes.per_class = 10;
  config_.training.epochs = 20;
  const Memory whole = run();
  const auto weights = weights_;
  std::optional<State> state;
  Memory joined;
  int inside = 0;  // stops in a measurement
  for (int wait_ms = 1; true; wait_ms += 4) {
    std::atomic<bool> stop = false;
    Loop loop(config_, options_, state ? &*state : nullptr);
    std::thread stopper([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
      stop = true;
    });
    joined.checkpoints.clear();
    const Outcome outcome = loop.run(joined, stop);
    stopper.join();
    if (!joined.checkpoints.empty()) state = joined.checkpoints.back();
    if (state && !state->unrecorded.empty()) ++inside;
    if (outcome == Outcome::kFinished) {
      weights_ = loop.net().parameters();
      break;
    }
  }
  EXPECT_GT(inside, 0);
  EXPECT_EQ(whole.points, joined.points);
  EXPECT_EQ(whole.measured, joined.measured);
  EXPECT_TRUE(same_bits(weights, weights_));
}

TEST_F(TrainingTest, GoesOnWhenItsEpochsAreExtended) {
  const Memory shorter = run();
  config_.training.epochs = 4;
  const Memory longer = run();
  const auto weights = weights_;
  const Memory rest = run(&shorter.checkpoints.back());
  expect_rest(longer, rest, 5);
  EXPECT_TRUE(same_bits(weights, weights_));
}

TEST_F(TrainingTest, ACheckpointByTimeChangesNothingElse) {
  const Memory plain = run();
  ASSERT_EQ(plain.checkpoints.size(), 1u);
  options_.checkpoint_seconds = 1;
  Memory secured;
  secured.on_scalars = [](std::int64_t step) {
    if (step == 2) std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  };
  Loop loop(config_, options_);
  ASSERT_EQ(loop.run(secured, kNever), Outcome::kFinished);
  ASSERT_GE(secured.checkpoints.size(), 2u);
  EXPECT_EQ(secured.checkpoints.front().step, 2);
  EXPECT_EQ(secured.points, plain.points);
  expect_rest(plain, run(&secured.checkpoints.front()), 2);
}

TEST_F(TrainingTest, RefusesACheckpointOfOtherDataOrAnotherNet) {
  const State state = run().checkpoints.back();
  const auto expect_refusal = [&](const char* text) {
    try {
      Loop loop(config_, options_, &state);
      ADD_FAILURE() << "resumed, expected: " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kFailedPrecondition);
      EXPECT_THAT(error.what(), HasSubstr(text));
    }
  };
  config_.model.channels = {5};
  expect_refusal("another net");
  config_.model.channels = {4};
  config_.training.epochs = 1;
  expect_refusal("step 5");
  config_.training.epochs = 2;
  config_.training.seed = 1;
  expect_refusal("probes");
  hooke::tests::write_idx_set(root_.path() / "set", 39, 12, 3, 8);
  config_.training.seed = 0;
  expect_refusal("data files have changed");
}

TEST_F(TrainingTest, CropsAndFlipsAnewInEveryEpoch) {
  config_.training.batch = 0;
  config_.training.lr = 0;
  config_.training.epochs = 3;
  const auto points = run().points.at("train/loss");
  EXPECT_NEAR(points[0].second, points[1].second, 1e-5);
  config_.data.augment = data::Augment::kEveryEpoch;
  const auto augmented = run().points.at("train/loss");
  EXPECT_GT(std::fabs(augmented[0].second - augmented[1].second), 1e-4);
  EXPECT_GT(std::fabs(augmented[1].second - augmented[2].second), 1e-4);
}

class RegressionTest : public TrainingTest {
 protected:
  RegressionTest() {
    config_.data = {};
    config_.data.set = "teacher_student";
    config_.data.dimension = 5;
    config_.data.points = 40;
    config_.model.type = "mlp";
    config_.model.hidden = {8};
    config_.training.loss = engine::Loss::kSquared;
    config_.training.batch = 20;
    config_.training.epochs = 3;
    config_.measures = {engine::Measure::kL2, engine::Measure::kLoss};
    config_.probes.updates = {{}, {"small", Optimizer::kSgd, 1e-4, 0}};
  }
};

TEST_F(RegressionTest, RecordsScalarsAndNoAccuracy) {
  const Memory memory = run();
  std::vector<std::string> keys;
  for (const auto& [key, points] : memory.points) keys.push_back(key);
  EXPECT_THAT(keys, ElementsAre("elasticity/l2", "elasticity/l2@small", "elasticity/loss",
                                "elasticity/loss@small", "test/loss", "train/loss"));
  EXPECT_THAT(memory.steps("elasticity/l2"), ElementsAre(0, 2, 4));
  EXPECT_THAT(memory.steps("test/loss"), ElementsAre(1, 3, 5));
  EXPECT_TRUE(memory.series.empty());
  EXPECT_TRUE(memory.matrices.empty());
  EXPECT_THAT(memory.facts.class_names, ElementsAre("all"));
  ASSERT_EQ(memory.facts.probes.size(), 1u);
  EXPECT_EQ(memory.facts.probes[0].size(), 3u);
}

TEST_F(RegressionTest, LearnsTheTeacher) {
  config_.training.epochs = 200;
  config_.probes.every = 0;
  const Memory memory = run();
  const auto& losses = memory.points.at("test/loss");
  EXPECT_LT(losses.back().second, 0.3 * losses.front().second);
}

// Case 1 of the closed forms: S(x, x') = |<x, x'>| / |x|^2, at every step and for every rate.
TEST_F(RegressionTest, OfALinearNetMeasuresTheRatioOfInnerProducts) {
  config_.model.type = "linear";
  config_.model.bias = false;
  config_.training.float64 = true;
  config_.measures = {engine::Measure::kL2};
  config_.probes.updates = {{"", Optimizer::kSgd, 0.1, 0}};
  const Memory memory = run();
  const data::DataSet data = data::load(config_.data, {}, stream_seed(0, Stream::kData));
  const auto input = [&](std::int64_t i) {
    return std::span(data.train.inputs).subspan(static_cast<std::size_t>(i) * 5, 5);
  };
  const auto product = [&](std::int64_t i, std::int64_t j) {
    double sum = 0;
    for (std::size_t k = 0; k < 5; ++k) sum += double{input(i)[k]} * input(j)[k];
    return sum;
  };
  double expected = 0;
  for (const std::int64_t i : memory.facts.probes[0]) {
    for (const std::int64_t j : memory.facts.probes[0])
      expected += std::fabs(product(i, j)) / product(i, i) / 9;
  }
  for (const auto& [step, value] : memory.points.at("elasticity/l2")) EXPECT_NEAR(value, expected, 1e-6);
}

TEST_F(RegressionTest, ResumesWithTheSameBits) {
  config_.training.checkpoint_every = 1;
  const Memory whole = run();
  for (const State& state : whole.checkpoints) expect_rest(whole, run(&state), state.step);
}

TEST_F(RegressionTest, RefusesWhatNeedsClasses) {
  using engine::Measure;
  for (const Measure measure :
       {Measure::kKl, Measure::kKlReverse, Measure::kL1, Measure::kKlPublished, Measure::kL2Published}) {
    config_.measures = {Measure::kL2, measure};
    expect_error(Code::kInvalidArgument, "measures");
  }
  config_.training.loss = engine::Loss::kCrossEntropy;
  expect_error(Code::kInvalidArgument, "training.loss");
}

// How far the measured matrices of ridge regression are from the exact ones, and how far these move.
struct FlowDistance {
  double largest = 0, moved = 0;
};

FlowDistance distance_from_flow(Config config, double lr, std::int64_t steps) {
  config.training.lr = lr;
  config.training.epochs = steps;
  config.probes.every = steps / 20;
  config.probes.updates[0].lr = 1e-4;
  Memory memory;
  Loop(config, {}).run(memory, kNever);
  EXPECT_EQ(memory.measured.size(), 40u);
  FlowDistance distance;
  // The first measurement is at another time for every rate.
  for (std::size_t i = 2; i + 1 < memory.measured.size(); i += 2) {
    EXPECT_EQ(memory.measured[i].second, "elasticity/l2_logit");
    EXPECT_EQ(memory.measured[i + 1].second, "elasticity/l2_logit@flow");
    EXPECT_EQ(memory.measured[i].first, memory.measured[i + 1].first);
    for (std::size_t cell = 0; cell < 4; ++cell) {
      const double exact = memory.matrices[i + 1].mean[cell];
      distance.largest = std::max(distance.largest, std::fabs(memory.matrices[i].mean[cell] - exact));
      distance.moved = std::max(distance.moved, std::fabs(exact - memory.matrices[3].mean[cell]));
    }
  }
  return distance;
}

Config ridge_config() {
  Config config;
  config.data.set = "gaussians";
  config.data.points = 200;
  config.model.type = "ridge";
  config.training.optimizer = Optimizer::kSgd;
  config.training.loss = engine::Loss::kSquared;
  config.training.weight_decay = 0.5;
  config.training.batch = 0;
  config.training.float64 = true;
  config.probes.per_class = 4;
  config.probes.updates[0].optimizer = Optimizer::kSgd;
  config.probes.updates[0].weight_decay = 0.5;
  config.measures = {engine::Measure::kL2Logit};
  return config;
}

TEST(RidgeTraining, LiesOnItsExactCurveAndHalfTheStepHalvesTheDistance) {
  const FlowDistance whole = distance_from_flow(ridge_config(), 1e-3, 1000);
  const FlowDistance half = distance_from_flow(ridge_config(), 5e-4, 2000);
  EXPECT_LT(whole.largest, whole.moved / 20) << "it follows the curve";
  EXPECT_GT(whole.largest, 1e-6) << "nothing to compare";
  EXPECT_NEAR(whole.largest / half.largest, 2, 0.2);
}

TEST(RidgeTraining, HasNoExactCurveWhereTheFormulaDoesNotHold) {
  const auto series_of = [](const Config& config) {
    Memory memory;
    Loop(config, {}).run(memory, kNever);
    std::vector<std::string> keys;
    for (const MatrixSeries& series : memory.series) keys.push_back(series.key);
    return keys;
  };
  EXPECT_THAT(series_of(ridge_config()), ElementsAre("elasticity/l2_logit", "elasticity/l2_logit@flow"));
  std::vector<Config> others(4, ridge_config());
  others[0].training.batch = 100;
  others[1].training.momentum = 0.9;
  others[2].training.loss = engine::Loss::kCrossEntropy;
  others[3].probes.updates[0].optimizer = Optimizer::kAdam;
  for (const Config& config : others) EXPECT_THAT(series_of(config), ElementsAre("elasticity/l2_logit"));
}

TEST(RidgeTraining, RefusesAnUpdateWithTheNameOfTheExactCurve) {
  Config config = ridge_config();
  config.probes.updates.push_back(config.probes.updates[0]);
  config.probes.updates[1].name = "flow";
  EXPECT_THROW(Loop(config, {}), Error);
}

Config manifold_config(models::Activation activation) {
  Config config;
  config.data.set = "manifold";
  config.data.manifold = "two_circles";
  config.data.points = 100;
  config.data.deviation = {30};
  config.model.type = "mlp";
  config.model.hidden = {64};
  config.model.activation = activation;
  config.training.loss = engine::Loss::kBinary;
  config.training.batch = 40;
  config.probes.per_class = 8;
  config.probes.every = 3;
  config.probes.updates[0].optimizer = Optimizer::kSgd;
  config.probes.updates.push_back({"small", Optimizer::kSgd, 1e-5});
  config.measures = {engine::Measure::kL2Logit, engine::Measure::kKernel, engine::Measure::kTracin};
  return config;
}

TEST(ManifoldTraining, RecordsTheCorrelationOfEachDistanceAndUpdateWithTheGeodesic) {
  Memory memory;
  Loop(manifold_config(models::Activation::kRelu), {}).run(memory, kNever);
  for (const char* name : {"l2_logit", "kernel", "l2_logit@small", "kernel@small"}) {
    const std::string pearson = std::string("geodesic/pearson.") + name;
    EXPECT_THAT(memory.steps(pearson), ElementsAre(0, 3)) << name;
    EXPECT_LT(memory.points.at(pearson)[0].second, -0.3) << name << ": influence falls with the distance";
    EXPECT_GE(memory.points.at(pearson)[0].second, -1) << name;
    EXPECT_EQ(memory.points.at(std::string("geodesic/left_out.") + name)[0].second, 0) << name;
  }
  EXPECT_FALSE(memory.points.contains("geodesic/pearson.tracin"));
  EXPECT_THAT(memory.series[0].key, "elasticity/l2_logit");
}

TEST(ManifoldTraining, OfALinearNetDoesNotFollowTheGeodesic) {
  Memory memory;
  Loop(manifold_config(models::Activation::kIdentity), {}).run(memory, kNever);
  EXPECT_LT(std::fabs(memory.points.at("geodesic/pearson.l2_logit")[0].second), 0.2);
}

TEST(GeodesicCorrelation, IsPearsonsOverThePairsThatHaveADistance) {
  const double nan = std::nan(""), inf = INFINITY;
  // Probes 0 and 1 on one manifold, 2 alone on another: two pairs, S 4 at distance 1 and 2 at 3.
  const std::vector<double> distances = {0, 1, nan, 3, 0, nan, nan, nan, 0};
  EXPECT_NEAR(correlate(std::vector<double>{1, 4, 9, 2, 1, 9, 9, 9, 1}, distances, 3).pearson, -1, 1e-15);
  EXPECT_TRUE(std::isnan(correlate(std::vector<double>{1, 4, 9, 4, 1, 9, 9, 9, 1}, distances, 3).pearson))
      << "a constant side";
  const Correlation skipped = correlate(std::vector<double>{1, inf, 9, nan, 1, 9, nan, 9, 1}, distances, 3);
  EXPECT_TRUE(std::isnan(skipped.pearson));
  EXPECT_EQ(skipped.left_out, 2) << "the pair without a distance does not count";
  // Distances 1, 3, 1, 2, 3, 2 against S 5, 1, 4, 2, 2, 3: the sums of products are -6, 4 and 65/6.
  const std::vector<double> line = {0, 1, 3, 1, 0, 2, 3, 2, 0};
  const std::vector<double> s = {1, 5, 1, 4, 1, 2, 2, 3, 1};
  EXPECT_NEAR(correlate(s, line, 3).pearson, -6 / std::sqrt(4 * 65.0 / 6), 1e-12);
  std::vector<double> huge = s;
  for (double& value : huge) value *= 1e300;
  EXPECT_NEAR(correlate(huge, line, 3).pearson, correlate(s, line, 3).pearson, 1e-12);
}

TEST_F(TrainingTest, RefusesWhatDoesNotFitTheData) {
  config_.probes.per_class = 13;
  expect_error(Code::kInvalidArgument, "probes.per_class");
  config_.probes.per_class = 3;
  config_.training.batch = 37;
  expect_error(Code::kInvalidArgument, "training.batch");
  config_.training.batch = 10;
  config_.model.channels = {4, 4, 4, 4};
  expect_error(Code::kInvalidArgument, "model.channels");
  config_.model.type = "transformer";
  expect_error(Code::kUnimplemented, "model.type");
  config_.model.type = "mlp";
  options_.device = "abacus";
  expect_error(Code::kFailedPrecondition, "device");
}

TEST_F(TrainingTest, WorksForEveryModelAndInBothPrecisions) {
  for (const char* type : {"linear", "mlp", "cnn"}) {
    for (const bool float64 : {false, true}) {
      config_.model.type = type;
      config_.training.float64 = float64;
      const Memory memory = run();
      for (const engine::Matrix& matrix : memory.matrices) EXPECT_THAT(matrix.nonfinite, Each(0u)) << type;
      EXPECT_EQ(weights_[0].scalar_type(), float64 ? at::kDouble : at::kFloat);
    }
  }
}

}  // namespace
}  // namespace hooke::training
