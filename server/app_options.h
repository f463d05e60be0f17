// What hooked is started with.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "server/access/access.h"

namespace hooke {

struct AppOptions {
  std::string listen = "127.0.0.1:7070";  // HOST:PORT of gRPC; port 0: any
  std::string http = "127.0.0.1:7071";    // HOST:PORT of HTTP; port 0: any
  std::filesystem::path data;             // the data folder
  std::filesystem::path port_file;        // empty: none
  std::filesystem::path token_file;       // empty: `token` in the data folder, made at first start
  bool no_auth = false;                   // no token is asked; on loopback only
  std::chrono::milliseconds lease_period{60'000};
  std::chrono::milliseconds import_idle{300'000};  // an import is given up when nothing has come for so long
  std::filesystem::path tls_cert, tls_key;         // PEM, both or neither
  // Names that HTTP answers to beside --http's and loopback's; sites whose pages may ask (CORS).
  std::vector<std::string> http_allow_hosts, http_allow_origins;
  std::filesystem::path tls_client_ca;        // PEM: clients must show a certificate that it signed
  std::vector<std::string> tls_client_roles;  // NAME=ROLE: what a certificate alone allows over gRPC
  bool insecure = false;                      // may be reached from other machines without TLS
};

// Throws hooke::Error (kInvalidArgument) that names the option.
void check(const AppOptions& options);

// What the common names of certificates allow. Throws as check().
access::CertificateRoles certificate_roles(const AppOptions& options);

// The file with the admin token.
std::filesystem::path token_file(const AppOptions& options);

}  // namespace hooke
