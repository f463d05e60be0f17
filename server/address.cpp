#include "server/address.h"

#include <charconv>

#include "proto/hooke/error.h"

namespace hooke {

std::string Address::text() const {
  const bool six = host.find(':') != std::string::npos;
  return (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Address parse_address(const std::string& text, const std::string& option) {
  const auto refuse = [&]() -> Error {
    return invalid(option, "'" + text + "' is not HOST:PORT, as in 127.0.0.1:7070 or [::1]:0");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) throw refuse();
  Address address;
  address.host = text.substr(0, colon);
  if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']')
    address.host = address.host.substr(1, address.host.size() - 2);
  else if (address.host.find(':') != std::string::npos)
    throw refuse();
  const char* begin = text.data() + colon + 1;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(begin, end, address.port);
  if (address.host.empty() || error != std::errc() || stop != end || address.port < 0 || address.port > 65535)
    throw refuse();
  return address;
}

bool is_loopback(const Address& address) {
  if (address.host == "localhost" || address.host == "::1") return true;
  // 127.0.0.0/8, as four numbers: a name that begins with 127. is not an address.
  return address.host.starts_with("127.") &&
         address.host.find_first_not_of("0123456789.") == std::string::npos;
}

}  // namespace hooke
