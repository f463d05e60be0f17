// The user's own arrays: a folder with train_inputs, train_labels, test_inputs and test_labels, each
// as NPY (.npy) or CSV (.csv). Files named train_targets and test_targets instead of labels make it
// a regression. Pure functions; any thread.
#pragma once

#include <filesystem>

#include "worker/data/raw.h"

namespace hooke::data {

// Inputs [count] or [count][features] are vectors; [count][height][width] and
// [count][channels][height][width] are images. Inputs of unsigned bytes are pixels, scaled to
// [0, 1]. Throws hooke::Error, field "data.path": kNotFound, kDataLoss with file and line or offset.
Raw read_array_set(const std::filesystem::path& folder);

}  // namespace hooke::data
