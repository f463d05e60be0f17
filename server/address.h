// HOST:PORT, as options have it. Pure functions.
#pragma once

#include <string>

namespace hooke {

struct Address {
  std::string host;  // without the brackets of IPv6
  int port = 0;

  std::string text() const;  // "127.0.0.1:7070", "[::1]:7070"
};

// Throws hooke::Error (kInvalidArgument, `option`) for what is not HOST:PORT.
Address parse_address(const std::string& text, const std::string& option);

// Whether only this machine can reach it.
bool is_loopback(const Address& address);

}  // namespace hooke
