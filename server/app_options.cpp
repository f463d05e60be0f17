#include "server/app_options.h"

#include <optional>

#include "proto/hooke/error.h"
#include "server/access/methods.h"
#include "server/address.h"

namespace hooke {

access::CertificateRoles certificate_roles(const AppOptions& options) {
  access::CertificateRoles roles;
  for (const std::string& pair : options.tls_client_roles) {
    const auto equals = pair.rfind('=');
    const auto role =
        equals == std::string::npos || equals == 0 ? std::nullopt : access::role_of(pair.substr(equals + 1));
    if (!role)
      throw invalid("--tls-client-role",
                    "'" + pair +
                        "' is not allowed; NAME=ROLE, as in gpu-node-1=worker, where NAME is a "
                        "certificate's common name or *, and ROLE read, worker, submit or admin");
    if (!roles.emplace(pair.substr(0, equals), *role).second)
      throw invalid("--tls-client-role", "names '" + pair.substr(0, equals) + "' twice");
  }
  return roles;
}

void check(const AppOptions& options) {
  const Address listen = parse_address(options.listen, "--listen");
  const Address http = parse_address(options.http, "--http");
  if (options.data.empty())
    throw invalid("--data", "is missing: the folder that the server keeps everything in");
  if (options.tls_cert.empty() != options.tls_key.empty())
    throw invalid("--tls-cert", "and --tls-key go together");
  if (!options.tls_client_ca.empty() && options.tls_cert.empty())
    throw invalid("--tls-client-ca", "needs --tls-cert and --tls-key");
  if (!options.tls_client_roles.empty() && options.tls_client_ca.empty())
    throw invalid("--tls-client-role", "needs --tls-client-ca, which signs the certificates");
  if (options.lease_period < std::chrono::milliseconds(100))
    throw invalid("--lease-period", "is too short; at least 0.1 seconds");
  const bool loopback = is_loopback(listen) && is_loopback(http);
  if (options.no_auth && !loopback)
    throw invalid("--no-auth",
                  "is for loopback only, as in --listen 127.0.0.1:7070; beyond it callers need tokens");
  const auto need_tls = [&](const char* option, const std::string& text, const Address& address) {
    if (!is_loopback(address) && options.tls_cert.empty() && !options.insecure)
      throw invalid(
          option,
          text +
              " can be reached from other machines; beyond loopback --tls-cert and "
              "--tls-key are needed, or --insecure-without-tls where nobody else can read the network");
  };
  need_tls("--listen", options.listen, listen);
  need_tls("--http", options.http, http);
}

std::filesystem::path token_file(const AppOptions& options) {
  return options.token_file.empty() ? options.data / "token" : options.token_file;
}

}  // namespace hooke
