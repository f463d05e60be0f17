// Data sets: what a configuration names, read from files or generated, as plain numbers.
//
// load() is called once by the owner of a training; a DataSet does not change after that and may be
// read from any thread. Standard library and zlib only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace hooke::data {

// The part of a configuration that says what is learnt; field names and defaults are those of
// hooke.v1.DataConfig. Empty lists and negative counts stand for the default.
struct Config {
  std::string set;  // "fashion_mnist", "mnist", "idx", "gaussians"
  std::string path;
  std::vector<int> classes;
  std::int64_t train_per_class = -1;  // -1: all
  std::int64_t test_per_class = -1;
  std::vector<std::string> class_names;
  std::vector<double> mean;
  std::vector<double> deviation;
  int dimension = 100;                          // gaussians
  int points = 1000;                            // gaussians, per class
  std::vector<double> gaussian_means = {9, 1};  // gaussians
  std::vector<double> gaussian_deviations = {1, 2};
};

// One split, in the order of its file.
struct Examples {
  std::vector<float> inputs;             // [count][features], normalised
  std::vector<std::int64_t> labels;      // [count]: 0, 1, … in the order of Config::classes
  std::vector<std::int64_t> file_index;  // [count]: position in the data set's file

  std::size_t count() const { return labels.size(); }
};

struct DataSet {
  std::vector<std::int64_t> shape;  // of one input: {channels, height, width}, or {features}
  std::vector<std::string> class_names;
  Examples train, test;
  std::string path;                                // folder that was read; empty when generated
  std::map<std::string, std::uint32_t> checksums;  // file name to CRC-32 of the stored bytes

  std::int64_t features() const;
};

// Reads or generates the set. Files are looked up below `roots` only; `seed` draws generated data.
// Throws hooke::Error with the field: kInvalidArgument (a value, a class or an example that the
// data lack), kNotFound, kPermissionDenied (outside the roots), kDataLoss (damaged files),
// kUnimplemented (a set that this build does not read).
DataSet load(const Config& config, const std::vector<std::filesystem::path>& roots, std::int64_t seed);

// The folder that `path` names: absolute, or relative to the first root that has it. Symbolic links
// are resolved before the check that it lies below a root. Errors as load(), field "data.path".
std::filesystem::path find_below(const std::vector<std::filesystem::path>& roots, const std::string& path);

}  // namespace hooke::data
