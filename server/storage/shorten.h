// Text from elsewhere at a length that can be stored. Pure function.
#pragma once

#include <string>

namespace hooke::storage {

// `text`, when it has more than `limit` bytes its beginning (whole UTF-8 characters) with a note of how
// much was cut.
inline std::string shorten(std::string text, std::size_t limit) {
  if (text.size() <= limit) return text;
  std::size_t kept = limit;
  while (kept > 0 && (static_cast<unsigned char>(text[kept]) & 0xC0) == 0x80) --kept;
  const std::string note = " … (" + std::to_string(text.size() - kept) + " bytes cut)";
  return text.substr(0, kept) + note;
}

}  // namespace hooke::storage
