// Numbers in CSV files: comma-separated, one example a line, a first line without any number is a
// header. Pure functions; any thread.
#pragma once

#include <filesystem>

#include "worker/data/npy.h"

namespace hooke::data {

// Sizes {lines, columns}; kind kIntegers when every number is written as an integer. Throws
// hooke::Error, field "data.path": kNotFound, kDataLoss with file, line and column.
Array read_csv(const std::filesystem::path& file);

}  // namespace hooke::data
