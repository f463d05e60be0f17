#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <string>

#include "proto/hooke/error.h"
#include "worker/models/layers.h"
#include "worker/models/net.h"

namespace hooke::models {
namespace {

void check_widths(const std::vector<int>& widths, const char* field) {
  if (std::any_of(widths.begin(), widths.end(), [](int width) { return width < 1; })) {
    throw invalid(field, "every entry must be at least 1");
  }
}

void check_cnn(const Config& config, const Shape& shape) {
  check_widths(config.channels, "model.channels");
  if (shape.input.size() != 3) throw invalid("model.type", "cnn needs images; this data set has none");
  const std::int64_t side = std::min(shape.input[1], shape.input[2]);
  if (config.channels.size() > 62 || side >> config.channels.size() == 0) {
    throw invalid("model.channels",
                  std::to_string(config.channels.size()) + " times 2x2 pooling leaves nothing of " +
                      std::to_string(shape.input[1]) + "x" + std::to_string(shape.input[2]) + " pixels");
  }
}

struct Entry {
  const char* type;
  void (*check)(const Config&, const Shape&);
  std::shared_ptr<Net> (*make)(const Config&, const Shape&, at::Generator&);
};

// One line for each model.
const Entry kModels[] = {
    {"linear", [](const Config&, const Shape&) {}, make_linear},
    {"mlp", [](const Config& config, const Shape&) { check_widths(config.hidden, "model.hidden"); },
     make_mlp},
    {"cnn", check_cnn, make_cnn},
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

void check(const Config& config, const Shape& shape) {
  find(config.type).check(config, shape);
}

std::shared_ptr<Net> make(const Config& config, const Shape& shape, std::int64_t seed, at::ScalarType dtype) {
  check(config, shape);
  at::Generator random = at::make_generator<at::CPUGeneratorImpl>(static_cast<std::uint64_t>(seed));
  std::shared_ptr<Net> net = find(config.type).make(config, shape, random);
  net->to(dtype);
  return net;
}

}  // namespace hooke::models
