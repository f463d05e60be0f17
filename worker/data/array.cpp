#include "worker/data/array.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "worker/data/csv.h"
#include "worker/data/files.h"
#include "worker/data/npy.h"

namespace hooke::data {
namespace {

namespace fs = std::filesystem;

// NAME.npy or NAME.csv.
std::optional<Array> find_array(const fs::path& folder, const std::string& name) {
  const fs::path npy = folder / (name + ".npy"), csv = folder / (name + ".csv");
  const bool has_npy = fs::exists(npy), has_csv = fs::exists(csv);
  if (has_npy && has_csv) throw damaged(folder, "has both " + name + ".npy and .csv; remove one");
  if (has_npy) return read_npy(npy);
  if (has_csv) return read_csv(csv);
  return {};
}

Error absent(const fs::path& folder, const std::string& names) {
  return Error(Code::kNotFound, folder.string() + " has no " + names + ", as .npy or .csv", "data.path");
}

std::vector<std::int64_t> input_shape(const Array& inputs) {
  std::vector<std::int64_t> shape(inputs.sizes.begin() + 1, inputs.sizes.end());
  if (shape.empty()) return {1};
  if (shape.size() == 2) shape.insert(shape.begin(), 1);
  if (shape.size() > 3) {
    throw damaged(inputs.file, "has " + std::to_string(inputs.sizes.size()) +
                                   " dimensions; at most 4: " + "examples, channels, height, width");
  }
  return shape;
}

std::vector<int> to_labels(const Array& array) {
  if (array.values.size() != static_cast<std::size_t>(array.sizes[0])) {
    throw damaged(array.file, "has more than one label for each example");
  }
  if (array.kind == Array::Kind::kFloats) {
    throw damaged(array.file, "labels are integers; for a regression name the file train_targets");
  }
  std::vector<int> labels;
  for (const double value : array.values) {
    if (value < 0 || value > std::numeric_limits<int>::max()) {
      char text[32];
      const auto length = static_cast<std::size_t>(std::to_chars(text, text + sizeof text, value).ptr - text);
      throw damaged(array.file, "the label of example " + std::to_string(labels.size()) + " is " +
                                    std::string(text, length) + "; labels are from 0 to " +
                                    std::to_string(std::numeric_limits<int>::max()));
    }
    labels.push_back(static_cast<int>(value));
  }
  return labels;
}

void check_count(const Array& array, const Array& inputs) {
  if (array.sizes[0] == inputs.sizes[0]) return;
  throw damaged(array.file, std::to_string(array.sizes[0]) + " examples, but " +
                                inputs.file.filename().string() + " has " + std::to_string(inputs.sizes[0]));
}

void read_targets(const Array& targets, Raw& raw, RawSplit& split) {
  const std::int64_t outputs = static_cast<std::int64_t>(targets.values.size()) / targets.sizes[0];
  if (raw.outputs != 0 && raw.outputs != outputs) {
    throw damaged(targets.file, std::to_string(outputs) +
                                    " numbers for each example, the training targets have " +
                                    std::to_string(raw.outputs));
  }
  raw.outputs = outputs;
  split.targets.assign(targets.values.begin(), targets.values.end());
  split.labels.assign(static_cast<std::size_t>(targets.sizes[0]), 0);
}

void read_inputs(const Array& inputs, Raw& raw, RawSplit& split) {
  const std::vector<std::int64_t> shape = input_shape(inputs);
  if (!raw.shape.empty() && raw.shape != shape) {
    throw damaged(inputs.file, "its examples differ in size from the training examples");
  }
  raw.shape = shape;
  if (inputs.kind == Array::Kind::kBytes) {
    split.pixels.assign(inputs.values.begin(), inputs.values.end());
  } else {
    split.values.assign(inputs.values.begin(), inputs.values.end());
  }
}

void read_array_split(const fs::path& folder, const std::string& prefix, Raw& raw, RawSplit& split) {
  const auto inputs = find_array(folder, prefix + "_inputs");
  if (!inputs) throw absent(folder, prefix + "_inputs");
  const auto labels = find_array(folder, prefix + "_labels");
  const auto targets = find_array(folder, prefix + "_targets");
  if (!labels && !targets)
    throw absent(folder, prefix + "_labels (or " + prefix + "_targets for a regression)");
  if (labels && targets) {
    throw damaged(folder, "has both " + prefix + "_labels and " + prefix + "_targets; remove one");
  }
  const Array& wanted = labels ? *labels : *targets;
  check_count(wanted, *inputs);
  read_inputs(*inputs, raw, split);
  if (labels) split.labels = to_labels(*labels);
  if (targets) read_targets(*targets, raw, split);
  raw.checksums[inputs->file.filename().string()] = inputs->checksum;
  raw.checksums[wanted.file.filename().string()] = wanted.checksum;
}

}  // namespace

Raw read_array_set(const fs::path& folder) {
  Raw raw;
  raw.path = folder.string();
  read_array_split(folder, "train", raw, raw.train);
  read_array_split(folder, "test", raw, raw.test);
  if (raw.train.targets.empty() != raw.test.targets.empty()) {
    throw damaged(folder, "has labels for one split and targets for the other");
  }
  if (raw.train.pixels.empty() != raw.test.pixels.empty()) {
    throw damaged(folder, "has inputs of unsigned bytes for one split and of other numbers for the other");
  }
  return raw;
}

}  // namespace hooke::data
