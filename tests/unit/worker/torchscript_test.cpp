// TorchScript programs as nets: run only where allowed, copied, and measured like any other net.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>

#include <filesystem>
#include <fstream>

#include "proto/hooke/error.h"
#include "tests/unit/worker/normal.h"
#include "worker/engine/engine.h"
#include "worker/models/net.h"

namespace hooke::models {
namespace {

using tests::kNever;
using tests::normal;
namespace fs = std::filesystem;
using ::testing::HasSubstr;

// Programs are written in double; the nets have the type asked for.
class TorchScriptTest : public ::testing::Test {
 protected:
  TorchScriptTest() {
    std::string pattern = (fs::temp_directory_path() / "hooke-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    options_.find_torchscript = [this](const std::string& path) {
      if (!fs::exists(folder_ / path))
        throw Error(Code::kNotFound, "there is no '" + path + "'", "data.path");
      return folder_ / path;
    };
  }
  ~TorchScriptTest() override { fs::remove_all(folder_); }

  // z = relu(x W' / scale) V', with a trained W, V and a buffer `scale`, and a W0 that is not trained.
  void write(const std::string& name, const std::string& body) const {
    torch::jit::Module program("program");
    program.register_parameter("w", normal({4, 5}, 1).requires_grad_(true), /*is_buffer=*/false);
    program.register_parameter("v", normal({3, 4}, 2).requires_grad_(true), /*is_buffer=*/false);
    program.register_parameter("frozen", normal({4, 5}, 3), /*is_buffer=*/false);
    program.register_buffer("scale", at::full({1}, 2.0, at::kDouble));
    program.register_buffer("steps", at::zeros({1}, at::kLong));
    program.define("def forward(self, x):\n  " + body + "\n");
    program.save((folder_ / name).string());
  }

  std::shared_ptr<Net> load(const std::string& name, at::ScalarType dtype = at::kDouble) const {
    Config config;
    config.type = "torchscript";
    config.path = name;
    return make(config, {{5}, 3}, 0, dtype, options_);
  }

  void expect_refusal(const std::string& name, Code code, const std::string& text) const {
    try {
      load(name);
      ADD_FAILURE() << "accepted, expected " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_EQ(error.field(), "model.path");
      EXPECT_THAT(error.what(), HasSubstr(name));
      EXPECT_THAT(error.what(), HasSubstr(text));
    }
  }

  fs::path folder_;
  Options options_;
};

constexpr const char* kBody = "return torch.relu(x @ (self.w + self.frozen).t() / self.scale) @ self.v.t()";

TEST_F(TorchScriptTest, HasTheProgramsOutputsParametersAndBuffers) {
  write("net.pt", kBody);
  const auto net = load("net.pt");
  EXPECT_EQ(net->parameters().size(), 2u);
  EXPECT_EQ(net->buffers().size(), 3u);
  EXPECT_TRUE(net->is_training());
  const at::Tensor x = normal({6, 5}, 4);
  const at::Tensor w = normal({4, 5}, 1) + normal({4, 5}, 3);
  const at::Tensor expected = (x.matmul(w.t()) / 2).relu().matmul(normal({3, 4}, 2).t());
  EXPECT_TRUE(net->forward(x).allclose(expected));
  const auto single = load("net.pt", at::kFloat);
  EXPECT_TRUE(single->forward(x.to(at::kFloat)).allclose(expected.to(at::kFloat), 1e-4, 1e-5));
}

TEST_F(TorchScriptTest, IsCopiedWithoutSharingAnything) {
  write("net.pt", kBody);
  const auto net = load("net.pt");
  const at::Tensor x = normal({6, 5}, 4), before = net->forward(x).detach();
  net->eval();
  const auto copy = net->copy();
  EXPECT_FALSE(copy->is_training());
  EXPECT_TRUE(copy->forward(x).equal(before));
  for (const at::Tensor& parameter : copy->parameters()) {
    EXPECT_TRUE(parameter.requires_grad() && parameter.is_leaf());
  }
  const at::NoGradGuard no_grad;
  for (const at::Tensor& tensor : copy->parameters()) tensor.zero_();
  for (const at::Tensor& tensor : copy->buffers()) tensor.zero_();
  EXPECT_TRUE(net->forward(x).equal(before));
  EXPECT_EQ(copy->parameters()[0].abs().sum().item<double>(), 0);
}

// The engine's pairs under `l2_logit` and one SGD step.
std::vector<double> measured(const engine::Weights& live, int threads,
                             const std::function<engine::Replica()>& make_replica) {
  engine::Options options;
  options.updates.resize(1);
  options.updates[0].rule.kind = engine::StepRule::Kind::kSgd;
  options.updates[0].rule.lr = 0.1;
  options.measures = {engine::Measure::kL2Logit};
  options.keep_pairs = true;
  options.threads = threads;
  const engine::Probes probes{{3, 2, true}, normal({6, 5}, 4), at::arange(6, at::kLong).div(2, "floor")};
  engine::Engine engine(options, probes, make_replica);
  return engine.measure({live, {}, nullptr}, kNever).value()[0].ratios();
}

TEST_F(TorchScriptTest, IsMeasuredLikeTheSameNetInCode) {
  write("net.pt", kBody);
  const auto net = load("net.pt");
  const auto replica = [&] {
    const auto copy = net->copy();
    copy->eval();
    return engine::Replica{{copy->parameters(), copy->buffers()},
                           [copy](const at::Tensor& x) { return copy->forward(x); }};
  };
  const engine::Weights live{net->parameters(), net->buffers()};
  const std::vector<double> pairs = measured(live, 1, replica);
  EXPECT_EQ(measured(live, 3, replica), pairs) << "other bits with more threads";
  const std::vector<at::Tensor> weights = {normal({4, 5}, 1).requires_grad_(true),
                                           normal({3, 4}, 2).requires_grad_(true)};
  const at::Tensor frozen = normal({4, 5}, 3);
  const std::vector<double> expected = measured({weights, {}}, 1, [&] {
    const std::vector<at::Tensor> own = {weights[0].detach().clone().requires_grad_(true),
                                         weights[1].detach().clone().requires_grad_(true)};
    return engine::Replica{{own, {}}, [own, frozen](const at::Tensor& x) {
                             return (x.matmul((own[0] + frozen).t()) / 2).relu().matmul(own[1].t());
                           }};
  });
  for (std::size_t i = 0; i < pairs.size(); ++i) EXPECT_NEAR(pairs[i], expected[i], 1e-9);
}

TEST_F(TorchScriptTest, IsRefusedUnlessItIsAllowed) {
  write("net.pt", kBody);
  options_.find_torchscript = nullptr;
  expect_refusal("net.pt", Code::kPermissionDenied, "--allow-torchscript");
}

TEST_F(TorchScriptTest, IsRefusedWhereItDoesNotWork) {
  expect_refusal("missing.pt", Code::kNotFound, "there is no");
  std::ofstream(folder_ / "text.pt") << "not a program";
  expect_refusal("text.pt", Code::kInvalidArgument, "does not work as a TorchScript program");
  write("wide.pt", "return x @ self.w.t()");
  expect_refusal("wide.pt", Code::kInvalidArgument, "makes outputs [2, 4] of two inputs; [2, 3] is needed");
  write("whole.pt", "return (x @ self.w.t() @ self.v.t()).long()");
  expect_refusal("whole.pt", Code::kInvalidArgument, "type Long; Double is needed");
  write("fixed.pt", "return x @ self.frozen.t() @ self.v.t().detach()");
  expect_refusal("fixed.pt", Code::kInvalidArgument, "do not depend on trained weights");
  write("mistaken.pt", "return x @ self.w");
  expect_refusal("mistaken.pt", Code::kInvalidArgument, "does not work as a TorchScript program");
  write("two.pt", "return x, x");
  expect_refusal("two.pt", Code::kInvalidArgument, "does not work as a TorchScript program");
}

}  // namespace
}  // namespace hooke::models
