// Data sets: what a configuration names, read from files or generated, as plain numbers.
//
// load() is called once by the owner of a training; a DataSet does not change after that and may be
// read from any thread. No LibTorch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "worker/data/geodesic.h"

namespace hooke::data {

enum class Augment { kNone, kOnce, kEveryEpoch };

// The part of a configuration that says what is learnt; field names and defaults are those of
// hooke.v1.DataConfig. Empty lists and negative counts stand for the default.
struct Config {
  std::string set;   // "fashion_mnist", "cifar10", "gaussians", …: the names of hooke.v1.DataSet
  std::string path;  // folder with the files
  std::vector<int> classes;
  std::int64_t train_per_class = -1;  // -1: all
  std::int64_t test_per_class = -1;
  Augment augment = Augment::kNone;  // of the training images
  std::vector<std::string> class_names;
  std::vector<double> mean;  // one for each channel (or feature), or one for all
  std::vector<double> deviation;
  int dimension = 100;                          // gaussians, teacher_student
  int points = 1000;                            // generated sets; per class where there are classes
  std::vector<double> gaussian_means = {9, 1};  // gaussians
  std::vector<double> gaussian_deviations = {1, 2};
  int teacher_units = 8;  // teacher_student
  double noise = 0;       // teacher_student: standard deviation
  std::string manifold;   // manifold: "two_cosines", …: the names of hooke.v1.Manifold
};

// One split, in the order of its file.
struct Examples {
  std::vector<float> inputs;             // [count][features], normalised
  std::vector<std::int64_t> labels;      // [count]: 0, 1, … in the order of Config::classes
  std::vector<std::int64_t> file_index;  // [count]: position in the data set's file
  std::vector<float> targets;            // [count][outputs] for regression, else empty
  std::vector<Place> places;             // [count] for set manifold, else empty

  std::size_t count() const { return labels.size(); }
};

struct DataSet {
  std::vector<std::int64_t> shape;  // of one input: {channels, height, width}, or {features}
  // Classes, by label. Of a regression all examples have label 0, and the one name is "all".
  std::vector<std::string> class_names;
  Examples train, test;
  bool regression = false;                         // learn Examples::targets, not labels
  std::int64_t outputs = 0;                        // of a net: columns of the targets, or classes
  std::vector<double> mean, deviation;             // [shape[0]]: how the inputs were normalised
  std::vector<Surface> surfaces;                   // for set manifold the one of each class, else empty
  std::string path;                                // folder that was read; empty when generated
  std::map<std::string, std::uint32_t> checksums;  // file name to CRC-32 of the stored bytes

  std::int64_t features() const;
};

// Reads or generates the set; Augment::kOnce is done here, kEveryEpoch is augment()'s
// (worker/data/augment.h). Files are looked up below `roots` only; `seed` draws generated data and
// the augmentation. Throws hooke::Error with the field: kInvalidArgument (a value, a class or an
// example that the data lack), kNotFound, kPermissionDenied (outside the roots), kDataLoss (damaged
// files; with file and byte offset or line), kUnimplemented (a set that this build does not read).
DataSet load(const Config& config, const std::vector<std::filesystem::path>& roots, std::int64_t seed);

// A set that is read from files and has a folder of its own, as "mnist".
struct StandardSet {
  std::string name;
  std::filesystem::path folder;  // where it was found; empty: nowhere
  std::string origin;            // where it is to be had; may be empty
};
// Those that there are, looked up below `roots`. Whether the files are whole is not looked at.
std::vector<StandardSet> standard_sets(const std::vector<std::filesystem::path>& roots);

// Geodesic distances [m][m] between the training examples at the given m positions; NaN between
// points of two manifolds. REQUIRES: the set is a manifold one.
std::vector<double> geodesics(const DataSet& data, const std::vector<std::int64_t>& positions);

}  // namespace hooke::data
