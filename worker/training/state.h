// What decides everything that a training does next: kept in a checkpoint, and where a resumed
// training begins. Plain values; no LibTorch.
//
// Random choices are functions of the seed and an index (random.h), so they need no state here.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace hooke::training {

struct StoredTensor {
  std::string name;
  std::string dtype;  // LibTorch's name: "Float", "Double", "Long"
  std::vector<std::int64_t> sizes;
  // As they were: kernels may round otherwise for another order in memory.
  std::vector<std::int64_t> strides;
  std::string bytes;
};

struct State {
  std::int64_t step = -1;  // last completed one, its measurement included; -1: none
  std::int64_t optimizer_steps = 0;
  // Weights, buffers and the optimiser's moments: "weights.conv.weight", "first.0", "second.0".
  std::vector<StoredTensor> tensors;
  // When the training was stopped in a measurement: the values of step + 1, for which the weights
  // have moved already, but which is not yet measured or recorded. Else empty.
  std::vector<std::pair<std::string, double>> unrecorded;
  // What it was trained on; a training of other examples cannot go on from here.
  std::map<std::string, std::uint32_t> data_checksums;
  std::vector<std::vector<std::int64_t>> probes;  // as Facts::probes
};

}  // namespace hooke::training
