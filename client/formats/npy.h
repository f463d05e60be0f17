// NumPy's .npy format, version 1.0: headers and strings. The bytes of an array follow its header as they
// lie in memory, row-major, little-endian. Pure functions; any thread.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hooke::formats {

// `type` as NumPy describes it: "<f8", "<f4", "<i8", "<u4", "<U12". An empty shape is a single value.
std::string npy_header(const std::string& type, const std::vector<std::uint64_t>& shape);

// Texts as one array of "<U": its type and its bytes (UTF-32), all as long as the longest.
struct NpyTexts {
  std::string type;
  std::string bytes;
};
NpyTexts npy_texts(const std::vector<std::string>& utf8);

}  // namespace hooke::formats
