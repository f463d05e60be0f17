// What may stand in names. Standard library only.
#pragma once

#include <string_view>

namespace hooke {

// Whether there is no control character: neither C0, DEL nor, in UTF-8, C1. A terminal would obey one.
inline bool is_printable(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7F) return false;
    if (byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) return false;
  }
  return true;
}

}  // namespace hooke
