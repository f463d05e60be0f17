// Minibatches that are split among devices, which the CPU plays.
#include "worker/training/minibatch.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "tests/unit/worker/small_training.h"

namespace hooke::training {
namespace {

using hooke::tests::Memory;

class DataParallel : public SmallTraining {
 protected:
  DataParallel() {
    config_.training.epochs = 4;
    config_.training.clip = 0.5;
    config_.training.data_parallel = true;
    config_.probes.per_class = 2;
    config_.probes.every = 0;
  }

  Memory run(const std::string& device, const State* resume = nullptr) {
    options_.device = device;
    return SmallTraining::run(resume);
  }

  // Of the weights after the last run(), from those given.
  double farthest(const std::vector<at::Tensor>& from) const {
    double most = 0;
    for (std::size_t i = 0; i < from.size(); ++i)
      most = std::max(most, weights_[i].sub(from[i]).abs().max().item<double>());
    return most;
  }
  bool same_bits(const std::vector<at::Tensor>& other) const {
    for (std::size_t i = 0; i < other.size(); ++i)
      if (std::memcmp(weights_[i].data_ptr(), other[i].data_ptr(), other[i].nbytes()) != 0) return false;
    return weights_.size() == other.size();
  }
};

// Softmax regression by hand: with probabilities p, the gradient of the mean loss is (p - onehot)ᵀ x / B.
TEST_F(DataParallel, TheGradientIsThatOfTheWholeMinibatchWhateverTheParts) {
  models::Config linear;
  linear.type = "linear";
  const auto net = models::make(linear, {{4}, 3}, 5, at::kDouble);
  const std::vector<at::Tensor> parameters = net->parameters();
  const at::Tensor inputs =
      at::arange(28, at::TensorOptions(at::kDouble)).view({7, 4}).sin();  // 7: in parts that are not even
  const at::Tensor labels = at::arange(7, at::TensorOptions(at::kLong)).remainder(3);
  const at::Tensor z = inputs.matmul(parameters[0].detach().t()).add(parameters[1].detach());
  const at::Tensor p = z.exp().div(z.exp().sum(1, true));
  const at::Tensor error = p.sub(at::one_hot(labels, 3)).div(7);
  const double loss = -p.gather(1, labels.unsqueeze(1)).log().mean().item<double>();
  const double correct = p.argmax(1).eq(labels).sum().item<double>();
  for (const std::size_t devices : {2, 3, 7, 9}) {
    Replicas replicas(*net, std::vector<at::Device>(devices, at::kCPU), 1);
    const Pass pass = replicas.forward_and_backward(*net, parameters, engine::Loss::kCrossEntropy,
                                                    {inputs, labels, labels});
    EXPECT_LT(pass.gradients[0].sub(error.t().matmul(inputs)).abs().max().item<double>(), 1e-15) << devices;
    EXPECT_LT(pass.gradients[1].sub(error.sum(0)).abs().max().item<double>(), 1e-15) << devices;
    EXPECT_NEAR(pass.loss, loss, 1e-15) << devices;
    EXPECT_EQ(pass.correct, correct) << devices;
  }
}

TEST_F(DataParallel, TheReplicasHaveTheWeightsOfNow) {
  models::Config linear;
  linear.type = "linear";
  const auto net = models::make(linear, {{2}, 2}, 5, at::kDouble);
  const std::vector<at::Tensor> parameters = net->parameters();
  Replicas replicas(*net, {at::kCPU, at::kCPU}, 1);
  const at::NoGradGuard no_grad;
  for (at::Tensor parameter : parameters) parameter.zero_();
  const at::AutoGradMode grad(true);
  const at::Tensor labels = at::zeros({4}, at::kLong);
  const Pass pass = replicas.forward_and_backward(*net, parameters, engine::Loss::kCrossEntropy,
                                                  {at::ones({4, 2}, at::kDouble), labels, labels});
  EXPECT_NEAR(pass.loss, std::log(2), 1e-15);
}

TEST_F(DataParallel, OnOneDeviceItIsThePlainTrainingBitForBit) {
  const Memory asked_for = run("cpu");
  const auto weights = weights_;
  config_.training.data_parallel = false;
  EXPECT_EQ(run("cpu").points, asked_for.points);
  EXPECT_TRUE(same_bits(weights));
  EXPECT_EQ(run("cpu,cpu").points, asked_for.points) << "who does not ask for it gets the bits of one device";
  EXPECT_TRUE(same_bits(weights));
}

TEST_F(DataParallel, OnSeveralDevicesItIsThePlainTrainingButForRounding) {
  for (const char* loss : {"cross_entropy", "squared"}) {
    config_.training.loss =
        loss == std::string("squared") ? engine::Loss::kSquared : engine::Loss::kCrossEntropy;
    const Memory one = run("cpu");
    const auto weights = weights_;
    const Memory three = run("cpu,cpu,cpu");
    EXPECT_FALSE(same_bits(weights)) << "nothing was split";
    EXPECT_LT(farthest(weights), 1e-4);
    for (const char* key : {"train/loss", "test/loss"})
      for (std::size_t i = 0; i < one.points.at(key).size(); ++i)
        EXPECT_NEAR(three.points.at(key)[i].second, one.points.at(key)[i].second, 1e-4) << key << " " << i;
    EXPECT_EQ(three.points.at("train/accuracy"), one.points.at("train/accuracy"));
    EXPECT_EQ(three.facts.device, "cpu,cpu,cpu");
  }
}

TEST_F(DataParallel, TheSameDevicesGiveTheSameBitsMeasuredOrNotAndResumed) {
  config_.training.checkpoint_every = 5;
  const Memory whole = run("cpu,cpu");
  const auto weights = weights_;
  ASSERT_GE(whole.checkpoints.size(), 2u);
  const State& state = whole.checkpoints[0];
  const Memory rest = run("cpu,cpu", &state);
  EXPECT_TRUE(same_bits(weights)) << "resumed";
  const auto& all = whole.points.at("train/loss");
  EXPECT_EQ(rest.points.at("train/loss"), std::vector(all.begin() + state.step + 1, all.end()));
  config_.probes.every = 2;
  options_.measuring_threads = 2;
  const Memory measured = run("cpu,cpu");
  EXPECT_TRUE(same_bits(weights)) << "measured";
  EXPECT_FALSE(measured.matrices.empty());
}

TEST_F(DataParallel, ARegressionAndFreshAugmentationAreSplitToo) {
  config_.training.float64 = true;
  config_.data.augment = data::Augment::kEveryEpoch;
  const Memory one = run("cpu"), two = run("cpu,cpu");
  EXPECT_NEAR(two.points.at("train/loss").back().second, one.points.at("train/loss").back().second, 1e-9);
  config_.data = {};
  config_.data.set = "teacher_student";
  config_.model.type = "mlp";
  config_.training.loss = engine::Loss::kSquared;
  config_.measures = {engine::Measure::kL2};
  const Memory plain = run("cpu"), split = run("cpu,cpu");
  ASSERT_EQ(split.points.count("train/accuracy"), 0u);
  EXPECT_NEAR(split.points.at("train/loss").back().second, plain.points.at("train/loss").back().second, 1e-9);
}

}  // namespace
}  // namespace hooke::training
