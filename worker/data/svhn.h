// SVHN's cropped digits (format 2), MATLAB files, read through matio. Without libmatio at
// configuration svhn_absent.cpp takes the place of svhn.cpp. Pure functions; any thread.
#pragma once

#include <filesystem>

#include "worker/data/raw.h"

namespace hooke::data {

// Where the files are to be had, for messages.
inline constexpr const char* kSvhnOrigin =
    "put train_32x32.mat and test_32x32.mat of http://ufldl.stanford.edu/housenumbers/ there";

// Reads train_32x32.mat and test_32x32.mat; their label 10 is the digit 0. Throws hooke::Error,
// field "data.path": kNotFound, kDataLoss with file and what is wrong; field "data.set":
// kUnimplemented in a build without matio.
Raw read_svhn(const std::filesystem::path& folder);

}  // namespace hooke::data
