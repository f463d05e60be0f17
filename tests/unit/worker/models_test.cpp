// The nets: sizes, initialisation, copies, refusals, and that making one disturbs nothing.
#include "worker/models/net.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "proto/hooke/error.h"
#include "worker/models/layers.h"

namespace hooke::models {
namespace {

using ::testing::HasSubstr;

const Shape kImages{{1, 28, 28}, 3};
const Shape kCifar{{3, 32, 32}, 3};

Config config_of(const char* type, Norm norm = Norm::kNone) {
  Config config;
  config.type = type;
  config.norm = norm;
  return config;
}

// Every model that is not a file, on the small images it can take.
std::vector<std::pair<Config, Shape>> every_model() {
  const Shape scalar{{1, 28, 28}, 1};
  std::vector<std::pair<Config, Shape>> all = {{config_of("relu_gate"), scalar}};
  for (const char* type : {"linear", "mlp", "cnn", "vgg", "homogeneous", "ridge", "resnet18"}) {
    all.emplace_back(config_of(type), kImages);
    all.emplace_back(config_of(type), scalar);
  }
  all.emplace_back(config_of("resnet34"), kImages);
  for (const char* type : {"vgg", "resnet18"}) all.emplace_back(config_of(type, Norm::kBatch), kImages);
  all.emplace_back(config_of("homogeneous"), kImages);
  all.back().first.features = 7;
  all.emplace_back(config_of("resnet18"), kImages);
  all.back().first.stem = Stem::kCifar;
  return all;
}

std::int64_t parameters(const Config& config, const Shape& shape) {
  std::int64_t count = 0;
  for (const at::Tensor& parameter : make(config, shape, 0, at::kFloat)->parameters()) {
    count += parameter.numel();
  }
  return count;
}

at::Tensor batch(const Shape& shape, std::int64_t count, at::ScalarType dtype = at::kFloat) {
  std::vector<std::int64_t> sizes = shape.input;
  sizes.insert(sizes.begin(), count);
  const auto random = at::make_generator<at::CPUGeneratorImpl>(std::uint64_t{5});
  return at::randn(sizes, random, at::TensorOptions(at::kDouble)).to(dtype);
}

TEST(Models, HaveTheParametersOfTheirArchitecture) {
  EXPECT_EQ(parameters(config_of("linear"), kImages), 784 * 3 + 3);
  EXPECT_EQ(parameters(config_of("mlp"), kImages), 784 * 128 + 128 + 128 * 3 + 3);
  EXPECT_EQ(parameters(config_of("cnn"), kImages), 16 * 9 + 16 + 32 * 16 * 9 + 32 + 32 * 7 * 7 * 3 + 3);
  EXPECT_EQ(parameters(config_of("vgg"), kImages),
            16 * 9 + 16 + 16 * 16 * 9 + 16 + 32 * 16 * 9 + 32 + 32 * 32 * 9 + 32 + 32 * 7 * 7 * 3 + 3);
  EXPECT_EQ(parameters(config_of("relu_gate"), {{100}, 1}), 100);
  EXPECT_EQ(parameters(config_of("homogeneous"), {{100}, 1}), 100);
  EXPECT_EQ(parameters(config_of("ridge"), {{100}, 2}), 20);
  Config bare = config_of("mlp");
  bare.bias = false;
  bare.hidden = {20, 30, 40};
  EXPECT_EQ(parameters(bare, kImages), 784 * 20 + 20 * 30 + 30 * 40 + 40 * 3);
}

// torchvision publishes 11,689,512 and 21,797,672 for 1000 classes. Without normalisation two
// parameters per channel of each convolution are missing: 4,800 channels and 8,512.
TEST(ResNet, HasThePublishedNumberOfParameters) {
  const Shape imagenet{{3, 224, 224}, 1000};
  EXPECT_EQ(parameters(config_of("resnet18", Norm::kBatch), imagenet), 11'689'512);
  EXPECT_EQ(parameters(config_of("resnet34", Norm::kBatch), imagenet), 21'797'672);
  EXPECT_EQ(parameters(config_of("resnet18"), imagenet), 11'689'512 - 2 * 4'800);
  EXPECT_EQ(parameters(config_of("resnet34"), imagenet), 21'797'672 - 2 * 8'512);
  EXPECT_EQ(parameters(config_of("resnet18"), kCifar), 11'689'512 - 2 * 4'800 - 513 * 997);
}

// Counts what LibTorch is asked to multiply, from the shapes of weights and outputs.
std::int64_t counted = 0;

void count(const at::RecordFunction& function, at::ObserverContext*) {
  const std::string name = function.name();
  if (name != "aten::convolution" && name != "aten::linear") return;
  const at::Tensor weight = function.inputs()[1].toTensor(), output = function.outputs()[0].toTensor();
  const std::int64_t positions = output.dim() == 4 ? output.size(2) * output.size(3) : 1;
  counted += weight.numel() * positions * output.size(0);
}

std::int64_t multiply_adds(const Config& config, const Shape& shape) {
  const auto net = make(config, shape, 0, at::kFloat);
  const at::NoGradGuard no_grad;
  counted = 0;
  const auto nothing = [](const at::RecordFunction&) -> std::unique_ptr<at::ObserverContext> {
    return nullptr;
  };
  const auto handle = at::addThreadLocalCallback(
      at::RecordFunctionCallback(nothing, count).needsInputs(true).needsOutputs(true));
  net->forward(batch(shape, 1));
  at::removeCallback(handle);
  return counted;
}

TEST(ResNet, MultipliesAsOftenAsItsLayersSay) {
  EXPECT_NEAR(static_cast<double>(multiply_adds(config_of("resnet18"), kCifar)), 37.0e6, 0.05e6);
  Config cifar = config_of("resnet18");
  cifar.stem = Stem::kCifar;
  // The published 0.56 G for 32x32 with the small stem.
  EXPECT_NEAR(static_cast<double>(multiply_adds(cifar, kCifar)), 0.555e9, 0.002e9);
}

TEST(Models, MapABatchToOutputsAndTrainEveryWeight) {
  for (const auto& [config, shape] : every_model()) {
    const auto net = make(config, shape, 0, at::kDouble);
    const at::Tensor outputs = net->forward(batch(shape, 5, at::kDouble));
    EXPECT_EQ(outputs.sizes(), at::IntArrayRef({5, shape.outputs})) << config.type;
    outputs.square().sum().backward();
    for (const auto& parameter : net->named_parameters()) {
      ASSERT_TRUE(parameter->grad().defined()) << config.type << " " << parameter.key();
      EXPECT_GT(parameter->grad().abs().sum().item<double>(), 0) << config.type << " " << parameter.key();
    }
  }
}

TEST(Models, DependOnTheSeedAlone) {
  for (const auto& [config, shape] : every_model()) {
    at::manual_seed(1);
    const at::Tensor expected = at::rand({4});
    at::manual_seed(1);
    const auto first = make(config, shape, 7, at::kFloat);
    const auto copy = first->copy();
    EXPECT_TRUE(at::rand({4}).equal(expected)) << config.type << ": the global generator was used";
    const auto second = make(config, shape, 7, at::kFloat), other = make(config, shape, 8, at::kFloat);
    EXPECT_TRUE(first->parameters()[0].equal(second->parameters()[0])) << config.type;
    EXPECT_FALSE(first->parameters()[0].equal(other->parameters()[0])) << config.type;
  }
}

TEST(Models, AreCopiedWithWeightsBuffersTypeAndModeAndShareNothing) {
  for (const auto& [config, shape] : every_model()) {
    const auto net = make(config, shape, 7, at::kDouble);
    const at::Tensor inputs = batch(shape, 3, at::kDouble);
    net->forward(inputs);  // moves running statistics
    net->eval();
    const auto copy = net->copy();
    EXPECT_FALSE(copy->is_training()) << config.type;
    const at::Tensor before = net->forward(inputs);
    EXPECT_TRUE(copy->forward(inputs).equal(before)) << config.type;
    const at::NoGradGuard no_grad;
    for (const at::Tensor& tensor : copy->parameters()) tensor.zero_();
    for (const at::Tensor& tensor : copy->buffers()) tensor.zero_();
    EXPECT_TRUE(net->forward(inputs).equal(before)) << config.type;
  }
}

double deviation(const Net& net, const char* name) {
  return net.named_parameters()[name].std().item<double>();
}

TEST(Models, BeginWithTheStatedDeviations) {
  Config wide = config_of("cnn");
  wide.channels = {64, 64};
  const auto cnn = make(wide, kImages, 0, at::kFloat);
  EXPECT_NEAR(deviation(*cnn, "conv1.weight") / std::sqrt(2.0 / (9 * 64)), 1, 0.02);
  const auto mlp = make(config_of("mlp"), kImages, 0, at::kFloat);
  EXPECT_NEAR(deviation(*mlp, "dense0.weight") / std::sqrt(2.0 / 784), 1, 0.02);
  EXPECT_LE(mlp->named_parameters()["dense1.weight"].abs().max().item<double>(), 1 / std::sqrt(128.0));
  const auto resnet = make(config_of("resnet18"), kCifar, 0, at::kFloat);
  EXPECT_NEAR(deviation(*resnet, "stem.conv.weight") / std::sqrt(2.0 / (49 * 64)), 1, 0.02);
  EXPECT_NEAR(deviation(*resnet, "stage2_0.shortcut.conv.weight") / std::sqrt(2.0 / 128), 1, 0.02);
  EXPECT_NEAR(deviation(*resnet, "stage4_1.conv2.conv.weight") / std::sqrt(2.0 / (9 * 512)), 1, 0.01);
  Config ridge = config_of("ridge");
  ridge.features = 100;
  const auto features = make(ridge, {{100}, 2}, 0, at::kFloat)->named_buffers()["features.weight"];
  EXPECT_NEAR(features.std().item<double>(), 0.1, 0.003);
}

TEST(BatchNorm, TakesTheBatchsStatisticsInTrainingAndTheRunningOnesInEvaluation) {
  BatchNorm norm(2);
  const at::Tensor x = batch({{2, 4, 4}, 1}, 6) * 3 + 1;
  const at::Tensor trained = norm.forward(x);
  EXPECT_NEAR(trained.mean().item<double>(), 0, 1e-5);
  EXPECT_NEAR(trained.var().item<double>(), 1, 0.02);
  const at::Tensor running = norm.buffers()[0].clone();
  EXPECT_TRUE(running.allclose(0.1 * x.mean({0, 2, 3})));
  norm.eval();
  norm.forward(x);
  EXPECT_TRUE(norm.buffers()[0].equal(running)) << "evaluation moved the running mean";
  const at::Tensor variance = norm.buffers()[1].view({1, 2, 1, 1});
  const at::Tensor expected = (x - running.view({1, 2, 1, 1})) / (variance + 1e-5).sqrt();
  EXPECT_TRUE(norm.forward(x).allclose(expected, 1e-5, 1e-5));
}

TEST(MaxPool, HasTheSameBitsWithAndWithoutGradients) {
  for (const auto pool : {max_pool2x2, max_pool3x3}) {
    for (const std::int64_t height : {2, 7, 8}) {
      at::Tensor x = batch({{4, height, 9}, 1}, 3);
      x[1][2][1][4] = std::nan("");
      x.requires_grad_(true);
      const at::Tensor with = pool(x);
      const at::NoGradGuard no_grad;
      const at::Tensor without = pool(x);
      ASSERT_EQ(without.sizes(), with.sizes());
      EXPECT_TRUE(at::isclose(with, without, 0, 0, /*equal_nan=*/true).all().item<bool>());
    }
  }
  EXPECT_EQ(max_pool2x2(batch({{4, 7, 9}, 1}, 3)).sizes(), at::IntArrayRef({3, 4, 3, 4}));
  EXPECT_EQ(max_pool3x3(batch({{4, 7, 1}, 1}, 3)).sizes(), at::IntArrayRef({3, 4, 4, 1}));
}

struct Refusal {
  Config config;
  Shape shape;
  Code code;
  const char* field;
  const char* text;
};

TEST(Models, RefuseWhatDoesNotFitWithFieldAndWhatIsAllowed) {
  std::vector<Refusal> refusals = {
      {config_of("transformer"), kImages, Code::kUnimplemented, "model.type", "resnet18, resnet34, vgg"},
      {config_of(""), kImages, Code::kInvalidArgument, "model.type", "required"},
      {config_of("relu_gate"), kImages, Code::kInvalidArgument, "model.type", "one output"},
      {config_of("torchscript"), kImages, Code::kInvalidArgument, "model.path", "required"},
      {config_of("cnn"), {{1, 3, 28}, 3}, Code::kInvalidArgument, "model.channels", "at most 1 entries"},
      {config_of("vgg"), {{1, 28, 3}, 3}, Code::kInvalidArgument, "model.channels", "nothing of 28x3"},
  };
  for (const char* type : {"cnn", "vgg", "resnet18", "resnet34"}) {
    refusals.push_back(
        {config_of(type), {{100}, 2}, Code::kInvalidArgument, "model.type", "100 plain features"});
  }
  const auto refused = [&](Config config, const char* field, const char* text) {
    refusals.push_back({std::move(config), kImages, Code::kInvalidArgument, field, text});
  };
  Config config = config_of("mlp");
  config.hidden = {5, 0};
  refused(config, "model.hidden", "0 is not allowed");
  config = config_of("ridge");
  config.features = 0;
  refused(config, "model.features", "1 or larger");
  config = config_of("homogeneous");
  config.degree = 0;
  refused(config, "model.degree", "1 or larger");
  for (const Refusal& refusal : refusals) {
    try {
      make(refusal.config, refusal.shape, 0, at::kFloat);
      ADD_FAILURE() << refusal.config.type << " accepted, expected " << refusal.text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), refusal.code) << error.what();
      EXPECT_EQ(error.field(), refusal.field) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(refusal.text));
    }
  }
}

}  // namespace
}  // namespace hooke::models
