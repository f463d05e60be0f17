// Little-endian integers in byte strings, on any machine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace hooke::spool {

template <class T>
void put(std::string& out, T value) {
  static_assert(std::is_integral_v<T>);
  auto bits = static_cast<std::make_unsigned_t<T>>(value);
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    out += static_cast<char>(bits & 0xff);
    if constexpr (sizeof(T) > 1) bits = static_cast<std::make_unsigned_t<T>>(bits >> 8);
  }
}

// REQUIRES: bytes.size() >= sizeof(T).
template <class T>
T load(std::string_view bytes) {
  static_assert(std::is_integral_v<T>);
  std::uint64_t bits = 0;
  for (std::size_t i = sizeof(T); i-- > 0;) bits = bits << 8 | static_cast<unsigned char>(bytes[i]);
  return static_cast<T>(bits);
}

}  // namespace hooke::spool
