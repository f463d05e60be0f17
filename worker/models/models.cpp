#include <ATen/ATen.h>

#include <algorithm>
#include <string>

#include "proto/hooke/error.h"
#include "worker/models/builtin.h"
#include "worker/models/torchscript.h"

namespace hooke::models {
namespace {

void check_widths(const std::vector<int>& widths, const char* field) {
  const auto wrong = std::find_if(widths.begin(), widths.end(), [](int width) { return width < 1; });
  if (wrong != widths.end()) {
    throw invalid(field, std::to_string(*wrong) + " is not allowed; every entry at least 1");
  }
}

void check_at_least_one(int value, const char* field) {
  if (value < 1) throw invalid(field, std::to_string(value) + " is not allowed; 1 or larger");
}

void check_image(const Config& config, const Shape& shape) {
  if (shape.input.size() != 3) {
    throw invalid("model.type", config.type + " needs images; this data set has " +
                                    std::to_string(shape.features()) + " plain features");
  }
}

void check_pooled(const Config& config, const Shape& shape) {
  check_image(config, shape);
  check_widths(config.channels, "model.channels");
  const std::int64_t side = std::min(shape.input[1], shape.input[2]);
  std::size_t most = 0;
  while (side >> (most + 1) > 0) ++most;
  if (config.channels.size() > most) {
    throw invalid("model.channels",
                  std::to_string(config.channels.size()) + " times 2x2 pooling leaves nothing of " +
                      std::to_string(shape.input[1]) + "x" + std::to_string(shape.input[2]) +
                      " pixels; at most " + std::to_string(most) + " entries");
  }
}

void check_mlp(const Config& config, const Shape&) {
  check_widths(config.hidden, "model.hidden");
}

void check_relu_gate(const Config&, const Shape& shape) {
  if (shape.outputs != 1) {
    throw invalid("model.type",
                  "relu_gate has one output; this data set wants " + std::to_string(shape.outputs));
  }
}

void check_features(const Config& config, const Shape&) {
  if (config.features) check_at_least_one(*config.features, "model.features");
  check_at_least_one(config.degree, "model.degree");
}

void check_torchscript(const Config& config, const Shape&) {
  if (config.path.empty()) throw invalid("model.path", "required: the TorchScript file");
}

void check_nothing(const Config&, const Shape&) {}

using Check = void (*)(const Config&, const Shape&);
using Make = std::shared_ptr<Net> (*)(const Config&, const Shape&, at::Generator&);

struct Entry {
  const char* type;
  Check check;
  Make make;  // null: load_torchscript()
};

// One line for each model.
constexpr Entry kModels[] = {
    {"linear", check_nothing, make_linear},
    {"mlp", check_mlp, make_mlp},
    {"cnn", check_pooled, make_cnn},
    {"resnet18", check_image, make_resnet18},
    {"resnet34", check_image, make_resnet34},
    {"vgg", check_pooled, make_vgg},
    {"relu_gate", check_relu_gate, make_relu_gate},
    {"homogeneous", check_features, make_homogeneous},
    {"ridge", check_features, make_ridge},
    {"torchscript", check_torchscript, nullptr},
};

const Entry& find(const std::string& type) {
  std::string available;
  for (const Entry& entry : kModels) {
    if (type == entry.type) return entry;
    available += std::string(available.empty() ? "" : ", ") + entry.type;
  }
  if (type.empty()) throw invalid("model.type", "required: one of " + available);
  throw Error(Code::kUnimplemented, "'" + type + "' is not available; there are " + available, "model.type");
}

}  // namespace

void copy_tensors(const Net& from, Net& to) {
  const auto copy = [](const std::vector<at::Tensor>& source, std::vector<at::Tensor> target) {
    for (std::size_t i = 0; i < source.size(); ++i) target[i].set_data(source[i].detach().clone());
  };
  copy(from.parameters(), to.parameters());
  copy(from.buffers(), to.buffers());
  to.train(from.is_training());
}

void check(const Config& config, const Shape& shape) {
  find(config.type).check(config, shape);
}

std::shared_ptr<Net> make(const Config& config, const Shape& shape, std::int64_t seed, at::ScalarType dtype,
                          const Options& options) {
  check(config, shape);
  const Entry& entry = find(config.type);
  if (!entry.make) return load_torchscript(config, shape, dtype, options);
  at::Generator random = at::make_generator<at::CPUGeneratorImpl>(static_cast<std::uint64_t>(seed));
  std::shared_ptr<Net> net = entry.make(config, shape, random);
  net->to(dtype);
  return net;
}

}  // namespace hooke::models
