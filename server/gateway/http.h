// An HTTP request and its answer as plain values, so that what decides about them needs no socket.
#pragma once

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/hooke/error.h"

namespace hooke::gateway {

struct Header {
  std::string name;  // of a request: lower case
  std::string value;
  bool operator==(const Header&) const = default;
};

struct Request {
  std::string method;  // "POST"
  std::string path;    // without the query
  std::vector<Header> headers;
  std::string body;

  // The first header of this name, in lower case.
  std::optional<std::string_view> find(std::string_view name) const {
    const auto found =
        std::find_if(headers.begin(), headers.end(), [&](const Header& h) { return h.name == name; });
    if (found == headers.end()) return std::nullopt;
    return found->value;
  }
};

struct Response {
  int status = 200;
  std::vector<Header> headers;
  std::string body;
};

// A request that is not served, with the status that HTTP has for the reason.
class Refused : public Error {
 public:
  Refused(int status, Code code, const std::string& message, std::vector<Header> headers = {})
      : Error(code, message), status_(status), headers_(std::move(headers)) {}
  int status() const { return status_; }
  const std::vector<Header>& headers() const { return headers_; }

 private:
  int status_;
  std::vector<Header> headers_;
};

inline std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

inline std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Whether a list as "gzip, br;q=0.5" has the coding; one with q=0 is refused.
inline bool accepts_coding(std::string_view list, std::string_view coding) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    std::string_view item = trimmed(list.substr(0, comma));
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    const auto semicolon = item.find(';');
    const std::string parameters =
        semicolon == std::string_view::npos ? "" : lower(trimmed(item.substr(semicolon + 1)));
    item = trimmed(item.substr(0, semicolon));
    const bool refused =
        parameters.starts_with("q=0") && parameters.find_first_of("123456789") == std::string::npos;
    if (item == coding || item == "*") return !refused;
  }
  return false;
}

}  // namespace hooke::gateway
