// What a reader hands to load(): the whole set as its files have it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "worker/data/geodesic.h"

namespace hooke::data {

struct RawSplit {
  std::vector<std::uint8_t> pixels;  // [count][features] of image files, else empty
  std::vector<float> values;         // [count][features] of everything else
  std::vector<int> labels;           // [count]
  std::vector<float> targets;        // [count][outputs] for regression, else empty
  std::vector<Place> places;         // [count] on manifolds, else empty
};

struct Raw {
  std::vector<std::int64_t> shape;  // of one input
  RawSplit train, test;
  std::vector<std::string> class_names;             // by label; "" or too few: the label as text
  std::vector<double> mean = {0}, deviation = {1};  // default, for each channel or for all
  std::int64_t outputs = 0;                         // columns of the targets; 0: labels are learnt
  std::vector<Surface> surfaces;                    // by label, of manifolds
  std::string path;                                 // folder that was read
  std::map<std::string, std::uint32_t> checksums;   // by file name
};

}  // namespace hooke::data
