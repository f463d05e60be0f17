#include "client/formats/key_path.h"

#include <cctype>
#include <charconv>

namespace hooke::formats {
namespace {

constexpr std::size_t kMostNameBytes = 200;
constexpr std::string_view kEnding = ".csv";

void append_code(std::string& to, char byte) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  const auto value = static_cast<unsigned char>(byte);
  to += {'%', kDigits[value >> 4], kDigits[value & 15]};
}

bool is_safe(char byte) {
  const auto value = static_cast<unsigned char>(byte);
  return std::isalnum(value) || std::string_view("._-@=+,").find(byte) != std::string_view::npos;
}

}  // namespace

std::string path_of_key(std::string_view key) {
  std::string path;
  std::size_t begin = 0;  // of the name that is being written
  for (std::size_t i = 0; i < key.size(); ++i) {
    const bool empty = path.size() == begin;
    if (key[i] == '/' && !empty && i + 1 < key.size() && key[i + 1] != '/') {
      // A folder called like a file would stand in its way.
      if (std::string_view(path).substr(begin).ends_with(kEnding))
        path.replace(path.size() - kEnding.size(), 1, "%2E");
      path += '/';
      begin = path.size();
      continue;
    }
    if (path.size() - begin >= kMostNameBytes) {
      path += "%/";
      begin = path.size();
    }
    if (is_safe(key[i]) && !(key[i] == '.' && path.size() == begin)) {
      path += key[i];
    } else {
      append_code(path, key[i]);
    }
  }
  return path;
}

std::optional<std::string> key_of_path(std::string_view path) {
  std::string key;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      key += path[i];
    } else if (path.substr(i + 1, 1) == "/") {
      ++i;
    } else {
      unsigned value = 0;
      const std::string_view digits = path.substr(i + 1, 2);
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
      if (error != std::errc() || digits.size() != 2 || end != digits.data() + 2) return std::nullopt;
      key += static_cast<char>(value);
      i += 2;
    }
  }
  return key;
}

}  // namespace hooke::formats
