#include "worker/data/data.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "proto/hooke/error.h"
#include "worker/data/idx.h"

namespace hooke::data {
namespace {

namespace fs = std::filesystem;

// What is known of a set whose files are IDX.
struct IdxSet {
  const char* name;
  const char* folder;  // default path; "" for none
  double mean, deviation;
  std::vector<std::string> class_names;
};

const IdxSet kIdxSets[] = {
    {"fashion_mnist",
     "fashion-mnist",
     0.2860,
     0.3530,
     {"T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"}},
    {"mnist", "mnist", 0.1307, 0.3081, {}},
    {"idx", "", 0, 1, {}},
};

std::string joined(const std::set<int>& values) {
  std::string text;
  for (const int value : values) text += (text.empty() ? "" : ", ") + std::to_string(value);
  return text;
}

bool lies_below(const fs::path& path, const fs::path& root) {
  const auto [end, _] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
  return end == root.end();
}

// The only value of a list with one entry per channel, or the default.
double per_channel(const std::vector<double>& values, double otherwise, const char* field) {
  if (values.empty()) return otherwise;
  if (values.size() != 1) {
    throw invalid(field, std::to_string(values.size()) + " values, but the images have 1 channel");
  }
  if (!std::isfinite(values[0])) throw invalid(field, "must be finite");
  return values[0];
}

// Images and labels of one split.
struct Split {
  Idx images, labels;
};

Split read_split(const fs::path& folder, const std::string& prefix) {
  Split split{read_idx(folder, prefix + "-images-idx3-ubyte", 3),
              read_idx(folder, prefix + "-labels-idx1-ubyte", 1)};
  if (split.images.sizes[0] != split.labels.sizes[0]) {
    throw Error(Code::kDataLoss,
                (folder / split.labels.file).string() + ": " + std::to_string(split.labels.sizes[0]) +
                    " labels, but " + split.images.file + " has " + std::to_string(split.images.sizes[0]) +
                    " images",
                "data.path");
  }
  return split;
}

// Positions of the examples that take part, in file order, `limit` of each class (-1: all).
std::vector<std::size_t> select(const Split& split, const std::vector<int>& classes, std::int64_t limit,
                                const std::string& split_name) {
  std::vector<std::size_t> positions;
  std::vector<std::int64_t> found(classes.size(), 0);
  for (std::size_t i = 0; i < split.labels.values.size(); ++i) {
    const auto at = std::find(classes.begin(), classes.end(), split.labels.values[i]) - classes.begin();
    const auto c = static_cast<std::size_t>(at);
    if (c == classes.size() || found[c] == limit) continue;
    ++found[c];
    positions.push_back(i);
  }
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const std::string label = "label " + std::to_string(classes[c]);
    if (found[c] == 0) {
      const std::set<int> present(split.labels.values.begin(), split.labels.values.end());
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

Examples pick(const Split& split, const std::vector<int>& classes, const std::vector<std::size_t>& positions,
              double mean, double deviation) {
  const auto features = static_cast<std::size_t>(split.images.sizes[1] * split.images.sizes[2]);
  std::vector<float> normalised(256);
  for (std::size_t value = 0; value < 256; ++value) {
    normalised[value] = static_cast<float>((static_cast<double>(value) / 255 - mean) / deviation);
  }
  Examples examples;
  examples.inputs.reserve(positions.size() * features);
  for (const std::size_t i : positions) {
    for (std::size_t k = i * features; k < (i + 1) * features; ++k) {
      examples.inputs.push_back(normalised[split.images.values[k]]);
    }
    const auto at = std::find(classes.begin(), classes.end(), split.labels.values[i]);
    examples.labels.push_back(at - classes.begin());
    examples.file_index.push_back(static_cast<std::int64_t>(i));
  }
  return examples;
}

std::vector<int> chosen_classes(const Config& config, const Split& train) {
  if (config.classes.empty()) {
    const std::set<int> present(train.labels.values.begin(), train.labels.values.end());
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
    if (name.empty() || name.find_first_of(",[]@") != std::string::npos) {
      throw invalid("data.class_names", "'" + name + "' is empty or has one of , [ ] @");
    }
  }
  if (std::set<std::string>(names.begin(), names.end()).size() != names.size()) {
    throw invalid("data.class_names", "a name is used twice");
  }
  return names;
}

DataSet load_idx(const IdxSet& set, const Config& config, const std::vector<fs::path>& roots) {
  const std::string path = config.path.empty() ? set.folder : config.path;
  if (path.empty()) throw invalid("data.path", "required for set idx: the folder with the files");
  const double mean = per_channel(config.mean, set.mean, "data.mean");
  const double deviation = per_channel(config.deviation, set.deviation, "data.deviation");
  if (deviation <= 0) throw invalid("data.deviation", "must be above 0");
  const fs::path folder = find_below(roots, path);
  const Split train = read_split(folder, "train"), test = read_split(folder, "t10k");
  if (!std::equal(train.images.sizes.begin() + 1, train.images.sizes.end(), test.images.sizes.begin() + 1)) {
    throw Error(Code::kDataLoss, folder.string() + ": training and test images differ in size", "data.path");
  }
  const std::vector<int> classes = chosen_classes(config, train);
  DataSet data;
  data.shape = {1, train.images.sizes[1], train.images.sizes[2]};
  data.class_names = chosen_names(config, classes, set.class_names);
  data.train = pick(train, classes, select(train, classes, config.train_per_class, "train"), mean, deviation);
  data.test = pick(test, classes, select(test, classes, config.test_per_class, "test"), mean, deviation);
  data.path = folder.string();
  for (const Idx* idx : {&train.images, &train.labels, &test.images, &test.labels}) {
    data.checksums[idx->file] = idx->checksum;
  }
  return data;
}

// Points of Gaussian classes, class after class.
Examples gaussian_points(const Config& config, std::int64_t per_class, std::mt19937_64& random) {
  Examples examples;
  for (std::size_t c = 0; c < config.gaussian_means.size(); ++c) {
    std::normal_distribution<double> normal(config.gaussian_means[c], config.gaussian_deviations[c]);
    for (std::int64_t n = 0; n < per_class; ++n) {
      for (int k = 0; k < config.dimension; ++k) {
        examples.inputs.push_back(static_cast<float>(normal(random)));
      }
      examples.file_index.push_back(static_cast<std::int64_t>(examples.labels.size()));
      examples.labels.push_back(static_cast<std::int64_t>(c));
    }
  }
  return examples;
}

DataSet make_gaussians(const Config& config, std::int64_t seed) {
  const std::size_t classes = config.gaussian_means.size();
  if (classes < 2) throw invalid("data.gaussian_means", "at least two classes are needed");
  if (config.gaussian_deviations.size() != classes) {
    throw invalid("data.gaussian_deviations", "must have one value for each of gaussian_means");
  }
  if (config.dimension < 1) throw invalid("data.dimension", "must be at least 1");
  if (config.points < 1) throw invalid("data.points", "must be at least 1");
  std::vector<int> labels;
  for (std::size_t c = 0; c < classes; ++c) labels.push_back(static_cast<int>(c));
  if (!config.classes.empty() && config.classes != labels) {
    throw invalid("data.classes", "of Gaussians all classes take part");
  }
  std::mt19937_64 random(static_cast<std::uint64_t>(seed));
  DataSet data;
  data.shape = {config.dimension};
  data.class_names = chosen_names(config, labels, {});
  data.train =
      gaussian_points(config, config.train_per_class < 0 ? config.points : config.train_per_class, random);
  data.test =
      gaussian_points(config, config.test_per_class < 0 ? config.points : config.test_per_class, random);
  return data;
}

}  // namespace

std::int64_t DataSet::features() const {
  std::int64_t product = 1;
  for (const std::int64_t size : shape) product *= size;
  return product;
}

fs::path find_below(const std::vector<fs::path>& roots, const std::string& path) {
  std::vector<fs::path> real_roots;
  std::string searched;
  for (const fs::path& root : roots) {
    std::error_code absent;
    if (fs::path real = fs::canonical(root, absent); !absent) real_roots.push_back(std::move(real));
    searched += (searched.empty() ? "" : ", ") + root.string();
  }
  for (const fs::path& root : real_roots) {
    std::error_code absent;
    const fs::path found = fs::canonical(root / path, absent);  // an absolute path replaces the root
    if (absent) continue;
    const auto holds = [&](const fs::path& other) { return lies_below(found, other); };
    if (std::any_of(real_roots.begin(), real_roots.end(), holds)) return found;
    throw Error(Code::kPermissionDenied,
                "'" + path + "' leads to " + found.string() + ", outside the data roots: " + searched,
                "data.path");
  }
  if (roots.empty()) searched = "no data root at all: this worker may read no files";
  throw Error(Code::kNotFound, "there is no '" + path + "' below the data roots: " + searched, "data.path");
}

DataSet load(const Config& config, const std::vector<fs::path>& roots, std::int64_t seed) {
  for (const IdxSet& set : kIdxSets) {
    if (config.set == set.name) return load_idx(set, config, roots);
  }
  if (config.set == "gaussians") return make_gaussians(config, seed);
  if (config.set.empty()) throw invalid("data.set", "required");
  throw Error(Code::kUnimplemented,
              "'" + config.set + "' is not available; fashion_mnist, mnist, idx and gaussians are",
              "data.set");
}

}  // namespace hooke::data
