// Keeps other web pages out: a browser tells which host it believes it talks to and which page asks.
//
// Immutable; any thread may call it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/gateway/http.h"

namespace hooke::gateway {

class Guard {
 public:
  // `listen`: the host that the port was opened on. `hosts`: further names, without a port.
  // `origins`: other sites that may ask, as "https://lab.example.org".
  // Throws hooke::Error (kInvalidArgument) for what is neither.
  Guard(const std::string& listen, const std::vector<std::string>& hosts,
        const std::vector<std::string>& origins);

  // Throws Refused: 400 for a malformed head, 421 for a host that is not this server's, 403 for
  // another site's page. A header that decides and comes twice is malformed.
  void check(const Request& request) const;

  // The site that asks when it is another one that may; its answers must say so (CORS).
  std::optional<std::string> allowed_origin(const Request& request) const;

 private:
  bool answers_to(const std::string& host) const;

  std::vector<std::string> hosts_;
  std::vector<std::string> origins_;
  bool any_address_ = false;
};

// The host of "host", "host:port" or "[v6]:port", in lower case, IPv6 without brackets.
// Nothing for what is none.
std::optional<std::string> host_of(std::string_view authority);

}  // namespace hooke::gateway
