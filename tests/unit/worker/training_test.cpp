// The training loop through what it records, on small generated data.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>

#include "proto/hooke/error.h"
#include "tests/unit/worker/idx_files.h"
#include "worker/training/loop.h"

namespace hooke::training {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

const std::atomic<bool> kNever = false;

// Keeps everything, in order.
struct Memory : Recorder {
  Facts facts;
  std::vector<MatrixSeries> series;
  std::map<std::string, std::vector<std::pair<std::int64_t, double>>> points;
  std::vector<std::pair<std::int64_t, std::string>> measured;  // step, key
  std::vector<engine::Matrix> matrices;
  std::vector<std::int64_t> barriers;
  std::function<void(std::int64_t)> on_scalars = [](std::int64_t) {};

  void start(const Facts& f, const std::vector<MatrixSeries>& s) override {
    facts = f;
    series = s;
  }
  void scalars(std::int64_t step, const std::vector<std::pair<std::string, double>>& values) override {
    for (const auto& [key, value] : values) points[key].emplace_back(step, value);
    on_scalars(step);
  }
  void matrix(std::int64_t step, const std::string& key, const engine::Matrix& matrix) override {
    measured.emplace_back(step, key);
    matrices.push_back(matrix);
  }
  void barrier(std::int64_t step) override { barriers.push_back(step); }

  std::vector<std::int64_t> steps(const std::string& key) const {
    std::vector<std::int64_t> result;
    for (const auto& [step, value] : points.at(key)) result.push_back(step);
    return result;
  }
};

class TrainingTest : public ::testing::Test {
 protected:
  TrainingTest() {
    hooke::testing::write_idx_set(root_.path() / "set", 36, 12, 3, 8);
    config_.data.set = "idx";
    config_.data.path = "set";
    config_.data.mean = {0.3};
    config_.data.deviation = {0.3};
    config_.model.type = "cnn";
    config_.model.channels = {4};
    config_.training.batch = 10;
    config_.training.epochs = 2;
    config_.training.lr = 0.01;
    config_.probes.per_class = 3;
    config_.probes.every = 2;
    options_.data_roots = {root_.path()};
    options_.measuring_threads = 2;
  }

  Memory run() {
    Memory memory;
    Loop loop(config_, options_);
    EXPECT_EQ(loop.run(memory, kNever), Outcome::kFinished);
    weights_.clear();
    for (const at::Tensor& parameter : loop.net().parameters())
      weights_.push_back(parameter.detach().clone());
    return memory;
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

  hooke::testing::TemporaryFolder root_;
  Config config_;
  RunOptions options_;
  std::vector<at::Tensor> weights_;  // after the last run()
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

TEST_F(TrainingTest, StopsAtTheNextStep) {
  std::atomic<bool> stop = false;
  Memory memory;
  memory.on_scalars = [&](std::int64_t step) { stop = step == 3; };
  Loop loop(config_, options_);
  EXPECT_EQ(loop.run(memory, stop), Outcome::kStopped);
  EXPECT_EQ(memory.steps("train/loss").back(), 3);
  EXPECT_THAT(memory.barriers, ElementsAre(2));
}

TEST_F(TrainingTest, StopsInsideAMeasurementWithoutRecordingIt) {
  std::atomic<bool> stop = false;
  Memory memory;
  memory.on_scalars = [&](std::int64_t step) { stop = step == 2; };
  Loop loop(config_, options_);
  EXPECT_EQ(loop.run(memory, stop), Outcome::kStopped);
  EXPECT_EQ(memory.measured.back().first, 0);
  EXPECT_TRUE(memory.barriers.empty());
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
