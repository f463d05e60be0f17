// Base64 without padding, as the Connect protocol has it. Pure function.
#pragma once

#include <absl/strings/escaping.h>

#include <string>
#include <string_view>

namespace hooke::gateway {

inline std::string to_base64(std::string_view bytes) {
  std::string text = absl::Base64Escape(absl::string_view(bytes.data(), bytes.size()));
  while (text.ends_with('=')) text.pop_back();
  return text;
}

}  // namespace hooke::gateway
