#include "worker/data/build.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "proto/hooke/error.h"

namespace hooke::data {
namespace {

std::string joined(const std::set<int>& values) {
  std::string text;
  for (const int value : values) text += (text.empty() ? "" : ", ") + std::to_string(value);
  return text;
}

// One value for each channel, from a list that has one for each or one for all.
std::vector<double> per_channel(const std::vector<double>& wanted, const std::vector<double>& otherwise,
                                std::int64_t channels, const char* field) {
  const std::vector<double>& values = wanted.empty() ? otherwise : wanted;
  for (const double value : values) {
    if (!std::isfinite(value)) throw invalid(field, "must be finite");
  }
  if (values.size() == 1) return std::vector<double>(static_cast<std::size_t>(channels), values[0]);
  if (values.size() == static_cast<std::size_t>(channels)) return values;
  throw invalid(field, std::to_string(values.size()) + " values, but the inputs have " +
                           std::to_string(channels) + (channels == 1 ? " channel" : " channels"));
}

// Positions of the examples that take part, in file order, `limit` of each class (-1: all).
std::vector<std::size_t> select(const RawSplit& split, const std::vector<int>& classes, std::int64_t limit,
                                const std::string& split_name) {
  std::vector<std::size_t> positions;
  std::vector<std::int64_t> found(classes.size(), 0);
  for (std::size_t i = 0; i < split.labels.size(); ++i) {
    const auto at = std::find(classes.begin(), classes.end(), split.labels[i]) - classes.begin();
    const auto c = static_cast<std::size_t>(at);
    if (c == classes.size() || found[c] == limit) continue;
    ++found[c];
    positions.push_back(i);
  }
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const std::string label = "label " + std::to_string(classes[c]);
    if (found[c] == 0) {
      const std::set<int> present(split.labels.begin(), split.labels.end());
      throw invalid("data.classes",
                    "the " + split_name + " data have no " + label + "; they have " + joined(present));
    }
    if (limit >= 0 && found[c] < limit) {
      throw invalid("data." + split_name + "_per_class", std::to_string(limit) + " are asked for, but " +
                                                             label + " has " + std::to_string(found[c]) +
                                                             " examples");
    }
  }
  return positions;
}

// Appends the chosen examples' inputs, normalised. Pixels go through a table of 256 values for each
// channel.
void pick_inputs(const RawSplit& split, const DataSet& data, const std::vector<std::size_t>& positions,
                 std::vector<float>& inputs) {
  const auto features = static_cast<std::size_t>(data.features());
  const std::size_t plane = features / data.mean.size();
  inputs.reserve(positions.size() * features);
  std::vector<float> table;
  for (std::size_t c = 0; c < data.mean.size() && !split.pixels.empty(); ++c) {
    for (int value = 0; value < 256; ++value) {
      table.push_back(static_cast<float>((value / 255.0 - data.mean[c]) / data.deviation[c]));
    }
  }
  for (const std::size_t i : positions) {
    for (std::size_t k = 0; k < features; ++k) {
      const std::size_t c = k / plane;
      inputs.push_back(table.empty() ? static_cast<float>((split.values[i * features + k] - data.mean[c]) /
                                                          data.deviation[c])
                                     : table[c * 256 + split.pixels[i * features + k]]);
    }
  }
}

Examples pick(const RawSplit& split, const DataSet& data, const std::vector<int>& classes,
              const std::vector<std::size_t>& positions) {
  Examples examples;
  pick_inputs(split, data, positions, examples.inputs);
  const auto outputs = data.regression ? static_cast<std::size_t>(data.outputs) : 0;
  for (const std::size_t i : positions) {
    examples.labels.push_back(std::find(classes.begin(), classes.end(), split.labels[i]) - classes.begin());
    examples.file_index.push_back(static_cast<std::int64_t>(i));
    for (std::size_t k = 0; k < outputs; ++k) examples.targets.push_back(split.targets[i * outputs + k]);
    if (!split.places.empty()) examples.places.push_back(split.places[i]);
  }
  return examples;
}

std::vector<int> chosen_classes(const Config& config, const RawSplit& train) {
  if (config.classes.empty()) {
    const std::set<int> present(train.labels.begin(), train.labels.end());
    return {present.begin(), present.end()};
  }
  if (std::set<int>(config.classes.begin(), config.classes.end()).size() != config.classes.size()) {
    throw invalid("data.classes", "a label is named twice");
  }
  return config.classes;
}

std::vector<std::string> chosen_names(const Config& config, const std::vector<int>& classes,
                                      const std::vector<std::string>& known) {
  if (!config.class_names.empty() && config.class_names.size() != classes.size()) {
    throw invalid("data.class_names", std::to_string(config.class_names.size()) + " names for " +
                                          std::to_string(classes.size()) + " classes");
  }
  std::vector<std::string> names = config.class_names;
  for (std::size_t c = 0; config.class_names.empty() && c < classes.size(); ++c) {
    const auto label = static_cast<std::size_t>(classes[c]);
    names.push_back(label < known.size() ? known[label] : std::to_string(label));
  }
  for (const std::string& name : names) {
    if (name.empty() || name.find_first_of(",[]@\n") != std::string::npos) {
      throw invalid("data.class_names", "'" + name + "' is empty or has one of , [ ] @");
    }
  }
  if (std::set<std::string>(names.begin(), names.end()).size() != names.size()) {
    throw invalid("data.class_names", "a name is used twice");
  }
  return names;
}

void refuse_classes(const Config& config) {
  if (!config.classes.empty()) throw invalid("data.classes", "the set is a regression: it has no classes");
  if (!config.class_names.empty()) {
    throw invalid("data.class_names", "the set is a regression: it has no classes");
  }
}

}  // namespace

DataSet build(Raw raw, const Config& config) {
  DataSet data;
  data.shape = raw.shape;
  data.regression = raw.outputs > 0;
  if (data.regression) refuse_classes(config);
  data.mean = per_channel(config.mean, raw.mean, raw.shape[0], "data.mean");
  data.deviation = per_channel(config.deviation, raw.deviation, raw.shape[0], "data.deviation");
  for (const double deviation : data.deviation) {
    if (deviation <= 0) throw invalid("data.deviation", "must be above 0");
  }
  const std::vector<int> classes = chosen_classes(config, raw.train);
  data.class_names =
      data.regression ? std::vector<std::string>{"all"} : chosen_names(config, classes, raw.class_names);
  data.outputs = data.regression ? raw.outputs : static_cast<std::int64_t>(classes.size());
  data.train = pick(raw.train, data, classes, select(raw.train, classes, config.train_per_class, "train"));
  data.test = pick(raw.test, data, classes, select(raw.test, classes, config.test_per_class, "test"));
  if (!raw.surfaces.empty()) {
    for (const int label : classes) data.surfaces.push_back(raw.surfaces[static_cast<std::size_t>(label)]);
  }
  data.path = std::move(raw.path);
  data.checksums = std::move(raw.checksums);
  return data;
}

}  // namespace hooke::data
