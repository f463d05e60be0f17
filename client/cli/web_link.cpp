#include "client/cli/web_link.h"

#include <string_view>

namespace hooke::cli {
namespace {

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      result += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      result += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return result;
}

}  // namespace

std::string web_link(const std::string& site, const std::string& token, const std::string& page) {
  if (token.empty()) return site + "/" + (page.empty() ? "" : "#" + page);
  return site + "/#token=" + percent_encoded(token) + (page.empty() ? "" : "&to=" + percent_encoded(page));
}

}  // namespace hooke::cli
