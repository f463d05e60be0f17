#include "client/formats/npy.h"

#include <algorithm>

namespace hooke::formats {
namespace {

// REQUIRES: valid UTF-8, as all strings of the contract are.
std::u32string code_points(std::string_view utf8) {
  std::u32string points;
  for (const char c : utf8) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) == 0x80 && !points.empty()) {
      points.back() = points.back() << 6 | (byte & 0x3F);
    } else {
      points += byte < 0x80 ? byte : byte < 0xE0 ? byte & 0x1F : byte < 0xF0 ? byte & 0x0F : byte & 0x07;
    }
  }
  return points;
}

}  // namespace

std::string npy_header(const std::string& type, const std::vector<std::uint64_t>& shape) {
  constexpr std::size_t kAlignment = 64, kPreamble = 10;
  std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': (";
  for (const std::uint64_t size : shape) header += std::to_string(size) + ",";
  header += "), }";
  header.append(kAlignment - (kPreamble + header.size() + 1) % kAlignment, ' ');
  header += '\n';
  std::string bytes = std::string("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() & 0xFF);
  bytes += static_cast<char>(header.size() >> 8);
  return bytes + header;
}

NpyTexts npy_texts(const std::vector<std::string>& utf8) {
  std::vector<std::u32string> texts;
  std::size_t longest = 1;  // NumPy has no texts of no length
  for (const std::string& text : utf8) {
    texts.push_back(code_points(text));
    longest = std::max(longest, texts.back().size());
  }
  NpyTexts array{"<U" + std::to_string(longest), {}};
  for (std::u32string& text : texts) {
    text.resize(longest, U'\0');
    array.bytes.append(reinterpret_cast<const char*>(text.data()), text.size() * sizeof(char32_t));
  }
  return array;
}

}  // namespace hooke::formats
