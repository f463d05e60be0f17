// NumPy's NPY files, versions 1 and 2, in C order. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace hooke::data {

// A table of numbers from a user's file, and what its error messages need.
struct Array {
  enum class Kind { kBytes, kIntegers, kFloats };
  Kind kind = Kind::kFloats;
  std::vector<std::int64_t> sizes;  // {count, …}
  std::vector<double> values;       // row-major, finite
  std::uint32_t checksum = 0;       // CRC-32 of the stored bytes
  std::filesystem::path file;
};

// Types <f4, <f8, <i4, <i8 and |u1. Throws hooke::Error, field "data.path": kNotFound, kDataLoss
// with file and byte offset (another type or order among them, and numbers that are not finite).
Array read_npy(const std::filesystem::path& file);

}  // namespace hooke::data
