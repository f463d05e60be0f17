// The nets: shapes, initialisation, and that making one disturbs nothing.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "proto/hooke/error.h"
#include "worker/models/layers.h"
#include "worker/models/net.h"

namespace hooke::models {
namespace {

const Shape kImages{{1, 28, 28}, 3};

Config config_of(const char* type) {
  Config config;
  config.type = type;
  return config;
}

std::int64_t parameters(const Net& net) {
  std::int64_t count = 0;
  for (const at::Tensor& parameter : net.parameters()) count += parameter.numel();
  return count;
}

TEST(Models, HaveTheParametersOfTheirArchitecture) {
  EXPECT_EQ(parameters(*make(config_of("linear"), kImages, 0, at::kFloat)), 784 * 3 + 3);
  EXPECT_EQ(parameters(*make(config_of("mlp"), kImages, 0, at::kFloat)), 784 * 128 + 128 + 128 * 3 + 3);
  EXPECT_EQ(parameters(*make(config_of("cnn"), kImages, 0, at::kFloat)),
            16 * 9 + 16 + 32 * 16 * 9 + 32 + 32 * 7 * 7 * 3 + 3);
  Config bare = config_of("mlp");
  bare.bias = false;
  EXPECT_EQ(parameters(*make(bare, kImages, 0, at::kFloat)), 784 * 128 + 128 * 3);
}

TEST(Models, MapABatchToOutputs) {
  for (const char* type : {"linear", "mlp", "cnn"}) {
    const auto net = make(config_of(type), kImages, 0, at::kDouble);
    const at::Tensor outputs = net->forward(at::ones({5, 1, 28, 28}, at::kDouble));
    EXPECT_EQ(outputs.sizes(), at::IntArrayRef({5, 3})) << type;
  }
}

TEST(Models, DependOnTheSeedAlone) {
  at::manual_seed(1);
  const at::Tensor expected = at::rand({4});
  at::manual_seed(1);
  const auto first = make(config_of("cnn"), kImages, 7, at::kFloat);
  EXPECT_TRUE(at::rand({4}).equal(expected)) << "the global generator was used";
  const auto second = make(config_of("cnn"), kImages, 7, at::kFloat);
  const auto other = make(config_of("cnn"), kImages, 8, at::kFloat);
  EXPECT_TRUE(first->parameters()[0].equal(second->parameters()[0]));
  EXPECT_FALSE(first->parameters()[0].equal(other->parameters()[0]));
}

TEST(Models, BeginWithTheStatedDeviations) {
  Config wide = config_of("cnn");
  wide.channels = {64, 64};
  const auto cnn = make(wide, kImages, 0, at::kFloat);
  // The second convolution: fan-out 9 * 64.
  EXPECT_NEAR(cnn->named_parameters()["conv1.weight"].std().item<double>() / std::sqrt(2.0 / 576), 1, 0.02);
  const auto mlp = make(config_of("mlp"), kImages, 0, at::kFloat);
  EXPECT_NEAR(mlp->named_parameters()["dense0.weight"].std().item<double>() / std::sqrt(2.0 / 784), 1, 0.02);
  EXPECT_LE(mlp->named_parameters()["dense1.weight"].abs().max().item<double>(), 1 / std::sqrt(128.0));
}

TEST(MaxPool, HasTheSameBitsWithAndWithoutGradients) {
  at::Tensor x = at::randn({3, 4, 7, 9});
  x[1][2][3][4] = std::nan("");
  const at::Tensor with = max_pool2x2(x);
  const at::NoGradGuard no_grad;
  const at::Tensor without = max_pool2x2(x);
  EXPECT_EQ(without.sizes(), at::IntArrayRef({3, 4, 3, 4}));
  EXPECT_TRUE(at::isclose(with, without, 0, 0, /*equal_nan=*/true).all().item<bool>());
}

TEST(Models, RefuseWhatDoesNotFit) {
  EXPECT_THROW(make(config_of("cnn"), {{100}, 2}, 0, at::kFloat), Error);
  EXPECT_THROW(make(config_of("transformer"), kImages, 0, at::kFloat), Error);
  Config config = config_of("mlp");
  config.hidden = {0};
  EXPECT_THROW(make(config, kImages, 0, at::kFloat), Error);
}

}  // namespace
}  // namespace hooke::models
