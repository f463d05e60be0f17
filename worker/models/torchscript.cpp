#include "worker/models/torchscript.h"

#include <ATen/ATen.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <vector>

#include "proto/hooke/error.h"

namespace hooke::models {
namespace {

namespace jit = torch::jit;

constexpr const char* kField = "model.path";

// The program's tensors are registered here under their own names with '/' for '.', so that they
// are trained, copied and stored as those of every other net. A parameter that the program does
// not train is a buffer, and one with two names has the first.
class TorchScript : public Net {
 public:
  explicit TorchScript(jit::Module program) : program_(std::move(program)) {
    std::set<const at::TensorImpl*> seen;
    for (const auto& [name, tensor] : program_.named_parameters()) {
      if (seen.insert(tensor.unsafeGetTensorImpl()).second) add(name, tensor, tensor.requires_grad());
    }
    for (const auto& [name, tensor] : program_.named_buffers()) {
      if (seen.insert(tensor.unsafeGetTensorImpl()).second) add(name, tensor, false);
    }
  }

  at::Tensor forward(const at::Tensor& inputs) override {
    // The optimising executor would run other kernels once it has seen a few calls; every call
    // shall give the same bits.
    const jit::GraphOptimizerEnabledGuard same_each_time(false);
    return program_.forward({inputs}).toTensor();
  }

  std::shared_ptr<Net> copy() const override {
    auto other = std::make_shared<TorchScript>(copied_program());
    other->train(is_training());
    return other;
  }

  void train(bool on = true) override {
    Net::train(on);
    program_.train(on);
  }

 private:
  void add(std::string name, const at::Tensor& tensor, bool trained) {
    std::replace(name.begin(), name.end(), '.', '/');
    if (trained) {
      register_parameter(name, tensor);
    } else {
      register_buffer(name, tensor);
    }
  }

  jit::Module copied_program() const {
    // Without this the copies would remember that they came from the originals.
    const at::NoGradGuard no_grad;
    jit::Module other = program_.deepcopy();
    std::vector<bool> trained;
    for (const at::Tensor& tensor : program_.parameters()) trained.push_back(tensor.requires_grad());
    std::size_t i = 0;
    for (const at::Tensor& tensor : other.parameters()) tensor.requires_grad_(trained[i++]);
    return other;
  }

  jit::Module program_;
};

std::string sizes_of(const at::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes();
  return text.str();
}

Error refusal(const std::filesystem::path& file, const std::string& what) {
  return invalid(kField, file.string() + " " + what);
}

std::filesystem::path find(const Config& config, const Options& options) {
  if (!options.find_torchscript) {
    throw Error(Code::kPermissionDenied,
                "'" + config.path +
                    "' is not run: this worker was not started with --allow-torchscript, which lets "
                    "configurations run TorchScript programs",
                kField);
  }
  try {
    return options.find_torchscript(config.path);
  } catch (const Error& error) {
    throw Error(error.code(), error.what(), kField);
  }
}

void to_dtype(const Net& net, at::ScalarType dtype) {
  const auto convert = [dtype](at::Tensor tensor) {
    if (tensor.is_floating_point()) tensor.set_data(tensor.to(dtype));
  };
  for (const at::Tensor& tensor : net.parameters()) convert(tensor);
  for (const at::Tensor& tensor : net.buffers()) convert(tensor);
}

// Two examples of zeros must give two rows of outputs that depend on the weights.
void try_out(Net& net, const Shape& shape, at::ScalarType dtype, const std::filesystem::path& file) {
  std::vector<std::int64_t> sizes = shape.input;
  sizes.insert(sizes.begin(), 2);
  const at::Tensor outputs = net.forward(at::zeros(sizes, dtype));
  const std::vector<std::int64_t> expected = {2, shape.outputs};
  if (outputs.sizes() != at::IntArrayRef(expected)) {
    throw refusal(file, "makes outputs " + sizes_of(outputs) + " of two inputs; [2, " +
                            std::to_string(shape.outputs) + "] is needed");
  }
  if (outputs.scalar_type() != dtype) {
    throw refusal(file, std::string("makes outputs of type ") + at::toString(outputs.scalar_type()) + "; " +
                            at::toString(dtype) + " is needed");
  }
  if (!outputs.requires_grad()) throw refusal(file, "has outputs that do not depend on trained weights");
}

}  // namespace

std::shared_ptr<Net> load_torchscript(const Config& config, const Shape& shape, at::ScalarType dtype,
                                      const Options& options) {
  const std::filesystem::path file = find(config, options);
  try {
    const auto net = std::make_shared<TorchScript>(jit::load(file.string(), at::Device(at::kCPU)));
    if (net->parameters().empty()) throw refusal(file, "has no parameters to train");
    to_dtype(*net, dtype);
    net->eval();
    try_out(*net, shape, dtype, file);
    net->train();
    return net;
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    // The first line; LibTorch goes on with a stack trace.
    const std::string what = error.what();
    throw refusal(file, "does not work as a TorchScript program: " + what.substr(0, what.find('\n')));
  }
}

}  // namespace hooke::models
