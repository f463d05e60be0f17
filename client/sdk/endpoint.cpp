#include "client/sdk/endpoint.h"

#include <arpa/inet.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "client/sdk/state.h"
#include "proto/hooke/error.h"

namespace hooke::sdk {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDefaultAddress = "localhost:7070";
constexpr std::size_t kMaxTokenBytes = 4096;
constexpr int kMaxPort = 65535;

struct HostPort {
  std::string host;
  std::string port;
};

// "host:port" or "[::1]:port".
std::optional<HostPort> split(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == address.size()) return std::nullopt;
  HostPort parts{address.substr(0, colon), address.substr(colon + 1)};
  if (parts.port.size() > 5 || parts.port.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  if (const int port = std::stoi(parts.port); port < 1 || port > kMaxPort) return std::nullopt;
  const bool bracketed = parts.host.front() == '[' && parts.host.back() == ']' && parts.host.size() > 2;
  if (bracketed) parts.host = parts.host.substr(1, parts.host.size() - 2);
  if (!bracketed && parts.host.find(':') != std::string::npos) return std::nullopt;
  if (parts.host.find_first_of(" /\t") != std::string::npos) return std::nullopt;
  return parts;
}

void check_address(const std::string& address, const std::string& origin) {
  if (!split(address))
    throw invalid("", origin + ": '" + address + "' is not an address; host:port, as in localhost:7070");
}

void check_readable(const std::string& file, const std::string& origin) {
  if (!std::ifstream(file)) throw invalid("", origin + ": cannot read '" + file + "'");
}

// localhost:7070 and 127.0.0.1:7070 are the same server.
bool same_server(const std::string& a, const std::string& b) {
  if (a == b) return true;
  const auto first = split(a);
  const auto second = split(b);
  return first && second && first->port == second->port && is_loopback(a) && is_loopback(b);
}

void take_token(Endpoint& endpoint, const ConnectOptions& flags, const Environment& environment,
                const std::optional<UpState>& up) {
  const auto from_file = [&](const std::string& file, const std::string& origin) {
    endpoint.token = read_token_file(file);
    endpoint.token_origin = origin + " (" + file + ")";
  };
  if (!flags.token.empty()) {
    endpoint.token = flags.token;
    endpoint.token_origin = "--token";
  } else if (!flags.token_file.empty()) {
    from_file(flags.token_file, "--token-file");
  } else if (const auto token = environment("HOOKE_TOKEN")) {
    endpoint.token = *token;
    endpoint.token_origin = "HOOKE_TOKEN";
  } else if (const auto file = environment("HOOKE_TOKEN_FILE")) {
    from_file(*file, "HOOKE_TOKEN_FILE");
  } else if (up && same_server(endpoint.address, up->address) && fs::exists(up->token_file)) {
    from_file(up->token_file, "`hooke up`");
  }
}

// The caller's own, which servers with --tls-client-ca ask for.
void take_certificate(Endpoint& endpoint, const ConnectOptions& flags, const Environment& environment) {
  endpoint.cert_file = flags.cert.empty() ? environment("HOOKE_CERT").value_or("") : flags.cert;
  endpoint.key_file = flags.key.empty() ? environment("HOOKE_KEY").value_or("") : flags.key;
  if (endpoint.cert_file.empty() != endpoint.key_file.empty())
    throw invalid("", "a certificate and its key go together: --cert and --key, or HOOKE_CERT and HOOKE_KEY");
  if (endpoint.cert_file.empty()) return;
  check_readable(endpoint.cert_file, flags.cert.empty() ? "HOOKE_CERT" : "--cert");
  check_readable(endpoint.key_file, flags.key.empty() ? "HOOKE_KEY" : "--key");
}

}  // namespace

Environment process_environment() {
  return [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    if (!value || !*value) return std::nullopt;
    return value;
  };
}

Endpoint resolve(const ConnectOptions& flags, const Environment& environment) {
  std::optional<UpState> up;
  if (environment("XDG_STATE_HOME") || environment("HOME")) up = read_up_state(state_folder(environment));

  Endpoint endpoint;
  endpoint.ca_file = flags.ca;
  if (!flags.ca.empty()) check_readable(flags.ca, "--ca");
  bool recorded = false;
  if (!flags.server.empty()) {
    endpoint.address = flags.server;
    check_address(endpoint.address, "--server");
  } else if (const auto server = environment("HOOKE_SERVER")) {
    endpoint.address = *server;
    check_address(endpoint.address, "HOOKE_SERVER");
  } else if (up) {
    endpoint.address = up->address;
    recorded = true;
  } else {
    endpoint.address = kDefaultAddress;
  }
  // The server of `hooke up` speaks plain text on loopback, whatever authority is set for others.
  const auto ca = environment("HOOKE_CA");
  if (endpoint.ca_file.empty() && ca && !recorded) {
    check_readable(*ca, "HOOKE_CA");
    endpoint.ca_file = *ca;
  }
  if (!recorded || !flags.cert.empty() || !flags.key.empty()) take_certificate(endpoint, flags, environment);
  endpoint.tls = !endpoint.ca_file.empty() || !is_loopback(endpoint.address);
  take_token(endpoint, flags, environment, up);
  return endpoint;
}

std::string read_token_file(const fs::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0 || !S_ISREG(status.st_mode))
    throw invalid("", "token file '" + file.string() + "' is not there or is not a file");
  // Whoever mounts secrets for a container owns them and lets a group read them; root could read them anyway.
  const bool mounted = status.st_uid == 0 && ::geteuid() != 0;
  if (status.st_mode & (mounted ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO))
    throw invalid("", "token file '" + file.string() + "' can be read by others; mend it with: chmod 600 '" +
                          file.string() + "'");
  std::ifstream in(file);
  std::string text(kMaxTokenBytes, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos)
    throw invalid("", "token file '" + file.string() + "' is empty or cannot be read");
  text = text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
  if (text.find_first_of(" \t\r\n") != std::string::npos)
    throw invalid(
        "", "token file '" + file.string() + "' holds more than one word; it must hold the token alone");
  return text;
}

bool is_loopback(const std::string& address) {
  const auto parts = split(address);
  if (!parts) return false;
  if (parts->host == "localhost") return true;
  in_addr four{};
  if (::inet_pton(AF_INET, parts->host.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  in6_addr six{};
  return ::inet_pton(AF_INET6, parts->host.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

}  // namespace hooke::sdk
