#include "server/gateway/guard.h"

#include <arpa/inet.h>

#include <array>

namespace hooke::gateway {
namespace {

// A second one could be read differently by whoever stands in between.
constexpr std::array<std::string_view, 7> kOnce = {"host",
                                                   "origin",
                                                   "authorization",
                                                   "content-type",
                                                   "content-encoding",
                                                   "connect-timeout-ms",
                                                   "connect-protocol-version"};

bool is_ipv4(const std::string& host) {
  in_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1;
}

bool is_ipv6(const std::string& host) {
  in6_addr address{};
  return ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

bool is_loopback_host(const std::string& host) {
  return host == "localhost" || host == "::1" || (is_ipv4(host) && host.starts_with("127."));
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_name(const std::string& host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '-' || c == '_';
  });
}

// "https://host:443" and "https://host" are one site. Nothing for what is no origin of a web page.
struct Origin {
  std::string scheme;
  std::string authority;
};
std::optional<Origin> parse_origin(std::string_view text) {
  const auto colon = text.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  Origin origin{lower(text.substr(0, colon)), lower(text.substr(colon + 3))};
  if ((origin.scheme != "http" && origin.scheme != "https") || !host_of(origin.authority))
    return std::nullopt;
  return origin;
}

std::string without_usual_port(const std::string& scheme, std::string authority) {
  const std::string_view usual = scheme == "https" ? ":443" : ":80";
  if (authority.ends_with(usual)) authority.resize(authority.size() - usual.size());
  return authority;
}

std::string text_of(const Origin& origin) {
  return origin.scheme + "://" + without_usual_port(origin.scheme, origin.authority);
}

}  // namespace

std::optional<std::string> host_of(std::string_view authority) {
  std::string host = lower(authority);
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    if (end == std::string::npos) return std::nullopt;
    const std::string rest = host.substr(end + 1);
    host = host.substr(1, end - 1);
    if (!is_ipv6(host) || (!rest.empty() && (rest.front() != ':' || !is_port(rest.substr(1)))))
      return std::nullopt;
    return host;
  }
  if (const auto colon = host.find(':'); colon != std::string::npos) {
    if (!is_port(std::string_view(host).substr(colon + 1))) return std::nullopt;
    host.resize(colon);
  }
  if (!is_name(host)) return std::nullopt;
  return host;
}

Guard::Guard(const std::string& listen, const std::vector<std::string>& hosts,
             const std::vector<std::string>& origins)
    : hosts_{lower(listen)}, any_address_(listen == "0.0.0.0" || listen == "::") {
  for (const std::string& host : hosts) {
    const std::string name = lower(host);
    if (!is_name(name) && !is_ipv6(name))
      throw invalid("--http-allow-host",
                    "'" + host + "' is not a host name; without a port, as hooke.example.org");
    hosts_.push_back(name);
  }
  for (const std::string& text : origins) {
    const auto origin = parse_origin(text);
    if (!origin)
      throw invalid("--http-allow-origin", "'" + text + "' is not an origin, as https://lab.example.org");
    origins_.push_back(text_of(*origin));
  }
}

bool Guard::answers_to(const std::string& host) const {
  // A page cannot make a browser believe that a number is its own host: only names can be rebound.
  if (any_address_ && (is_ipv4(host) || is_ipv6(host))) return true;
  return is_loopback_host(host) || std::find(hosts_.begin(), hosts_.end(), host) != hosts_.end();
}

void Guard::check(const Request& request) const {
  for (const std::string_view name : kOnce)
    if (std::count_if(request.headers.begin(), request.headers.end(),
                      [&](const Header& header) { return header.name == name; }) > 1)
      throw Refused(400, Code::kInvalidArgument, "the header " + std::string(name) + " is there twice");
  const auto authority = request.find("host");
  const auto host = authority ? host_of(*authority) : std::nullopt;
  if (!host) throw Refused(400, Code::kInvalidArgument, "a Host header, as in 127.0.0.1:7071, is needed");
  if (!answers_to(*host))
    throw Refused(421, Code::kPermissionDenied,
                  "this server does not answer to the host '" + *host +
                      "'; when it should, it is to be started with --http-allow-host " + *host);
  const auto origin = request.find("origin");
  if (!origin || allowed_origin(request)) return;
  const auto parsed = parse_origin(*origin);
  if (parsed && without_usual_port(parsed->scheme, parsed->authority) ==
                    without_usual_port(parsed->scheme, lower(*authority)))
    return;
  throw Refused(403, Code::kPermissionDenied,
                "pages of " + std::string(*origin) +
                    " may not ask this server; --http-allow-origin names those that may");
}

std::optional<std::string> Guard::allowed_origin(const Request& request) const {
  const auto origin = request.find("origin");
  const auto parsed = origin ? parse_origin(*origin) : std::nullopt;
  if (!parsed || std::find(origins_.begin(), origins_.end(), text_of(*parsed)) == origins_.end())
    return std::nullopt;
  return std::string(*origin);
}

}  // namespace hooke::gateway
