// hooked's certificate, from files: for gRPC and for HTTP, read again on request without an interruption.
//
// Owned by server/app. reload() by one thread at a time.
#pragma once

#include <grpcpp/security/server_credentials.h>

#include <filesystem>
#include <memory>
#include <string>

namespace hooke {

struct TlsFiles {
  std::filesystem::path cert, key;  // PEM, both or neither
  std::filesystem::path client_ca;  // PEM; empty: clients need no certificate
};

// What was in them.
struct TlsTexts {
  std::string cert, key, client_ca;
};

// Throws hooke::Error (kFailedPrecondition) when one cannot be read, is no PEM, or the key is not the
// certificate's.
TlsTexts read_tls(const TlsFiles& files);

class Tls {
 public:
  // Throws as read_tls.
  explicit Tls(TlsFiles files);
  ~Tls();

  bool on() const { return !files_.cert.empty(); }
  const TlsTexts& texts() const { return texts_; }

  // Of gRPC; new connections get what was read last, within a second or two.
  std::shared_ptr<grpc::ServerCredentials> credentials() const;
  // Reads the files again. Throws as read_tls; what was read before stays then.
  void reload();

 private:
  class Copies;
  const TlsFiles files_;
  TlsTexts texts_;
  std::unique_ptr<Copies> copies_;
};

}  // namespace hooke
