// Numbers as text and as bytes. Pure functions; any thread.
#pragma once

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace hooke::formats {

static_assert(std::endian::native == std::endian::little, "planes and arrays are copied as they are");

// The shortest text that reads back as the same number; nan, inf, -inf.
template <class Number>
void append_number(std::string& to, Number value) {
  if constexpr (std::is_floating_point_v<Number>) {
    if (std::isnan(value)) {  // never "-nan"
      to += "nan";
      return;
    }
  }
  char text[32];
  to.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

// Number `i` of a column of bytes. REQUIRES: it has one.
template <class Number>
Number number_at(std::string_view bytes, std::size_t i) {
  Number value;
  std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
  return value;
}

// The planes of one matrix, as hooke.v1.MatrixPoint has them.
class Planes {
 public:
  // REQUIRES: 20 bytes for each cell.
  Planes(std::string_view bytes, std::size_t cells) : bytes_(bytes), cells_(cells) {}
  float mean(std::size_t cell) const { return number_at<float>(bytes_, cell); }
  float sd(std::size_t cell) const { return number_at<float>(bytes_, cells_ + cell); }
  float ratio_of_means(std::size_t cell) const { return number_at<float>(bytes_, 2 * cells_ + cell); }
  std::uint32_t skipped(std::size_t cell) const {
    return number_at<std::uint32_t>(bytes_, 3 * cells_ + cell);
  }
  std::uint32_t nonfinite(std::size_t cell) const {
    return number_at<std::uint32_t>(bytes_, 4 * cells_ + cell);
  }

 private:
  std::string_view bytes_;
  std::size_t cells_;
};

}  // namespace hooke::formats
