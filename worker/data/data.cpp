#include "worker/data/data.h"

#include <limits>
#include <numeric>

#include "proto/hooke/error.h"
#include "worker/data/array.h"
#include "worker/data/augment.h"
#include "worker/data/build.h"
#include "worker/data/cifar.h"
#include "worker/data/files.h"
#include "worker/data/idx.h"
#include "worker/data/manifold.h"
#include "worker/data/raw.h"
#include "worker/data/svhn.h"
#include "worker/data/synthetic.h"

namespace hooke::data {
namespace {

namespace fs = std::filesystem;

Raw read_mnist(const fs::path& folder) {
  Raw raw = read_idx_set(folder);
  raw.mean = {0.1307};
  raw.deviation = {0.3081};
  return raw;
}

Raw read_fashion_mnist(const fs::path& folder) {
  Raw raw = read_idx_set(folder);
  raw.mean = {0.2860};
  raw.deviation = {0.3530};
  raw.class_names = {"T-shirt", "trouser", "pullover", "dress", "coat",
                     "sandal",  "shirt",   "sneaker",  "bag",   "boot"};
  return raw;
}

// A set that is read from files: its default folder ("" for none) and where it is to be had.
struct FileSet {
  const char* name;
  const char* folder;
  const char* origin;
  Raw (*read)(const fs::path& folder);
};

const FileSet kFileSets[] = {
    {"fashion_mnist", "fashion-mnist", "Debian's package dataset-fashion-mnist has it", read_fashion_mnist},
    {"mnist", "mnist", "", read_mnist},
    {"idx", "", "", read_idx_set},
    {"cifar10", "cifar-10-batches-bin", kCifar10Origin, read_cifar10},
    {"cifar100", "cifar-100-binary", kCifar100Origin, read_cifar100},
    {"svhn", "svhn", kSvhnOrigin, read_svhn},
    {"array", "", "", read_array_set},
};

struct GeneratedSet {
  const char* name;
  Raw (*make)(const Config& config, std::int64_t seed);
};

const GeneratedSet kGeneratedSets[] = {
    {"gaussians", make_gaussians},
    {"teacher_student", make_teacher_student},
    {"manifold", make_manifold},
};

Raw read_or_make(const Config& config, const std::vector<fs::path>& roots, std::int64_t seed) {
  if (config.set.empty()) throw invalid("data.set", "required");
  std::string names;
  for (const FileSet& set : kFileSets) {
    names += set.name + std::string(", ");
    if (config.set != set.name) continue;
    const std::string path = config.path.empty() ? set.folder : config.path;
    if (path.empty())
      throw invalid("data.path", "required for set " + config.set + ": the folder with the files");
    return set.read(find_below(roots, path, set.origin));
  }
  for (const GeneratedSet& set : kGeneratedSets) {
    names += (&set == kGeneratedSets ? "" : ", ") + std::string(set.name);
    if (config.set == set.name) return set.make(config, seed);
  }
  throw Error(Code::kUnimplemented, "'" + config.set + "' is not available; there are " + names, "data.set");
}

}  // namespace

std::int64_t DataSet::features() const {
  std::int64_t product = 1;
  for (const std::int64_t size : shape) product *= size;
  return product;
}

DataSet load(const Config& config, const std::vector<fs::path>& roots, std::int64_t seed) {
  DataSet data = build(read_or_make(config, roots, seed), config);
  if (config.augment != Augment::kNone && data.shape.size() != 3) {
    throw invalid("data.augment", "only images are cropped and flipped, and the inputs are none");
  }
  if (config.augment == Augment::kOnce) {
    std::vector<std::int64_t> all(data.train.count());
    std::iota(all.begin(), all.end(), 0);
    data.train.inputs = augment(data, all, seed);
  }
  return data;
}

std::vector<StandardSet> standard_sets(const std::vector<fs::path>& roots) {
  std::vector<StandardSet> sets;
  for (const FileSet& set : kFileSets) {
    if (std::string(set.folder).empty()) continue;
    StandardSet& one = sets.emplace_back(StandardSet{set.name, {}, set.origin});
    try {
      one.folder = find_below(roots, set.folder);
    } catch (const Error&) {  // it is not there, or may not be read
    }
  }
  return sets;
}

std::vector<double> geodesics(const DataSet& data, const std::vector<std::int64_t>& positions) {
  std::vector<double> distances;
  for (const std::int64_t i : positions) {
    for (const std::int64_t j : positions) {
      const auto a = static_cast<std::size_t>(i), b = static_cast<std::size_t>(j);
      const auto label = static_cast<std::size_t>(data.train.labels[a]);
      distances.push_back(data.train.labels[a] == data.train.labels[b]
                              ? geodesic(data.surfaces[label], data.train.places[a], data.train.places[b])
                              : std::numeric_limits<double>::quiet_NaN());
    }
  }
  return distances;
}

}  // namespace hooke::data
