#include "server/tls.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <system_error>

#include "proto/hooke/error.h"

namespace hooke {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kGrpcDelay_s = 1;

std::string content_of(const fs::path& file, const char* option) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in || text.str().empty())
    throw Error(Code::kFailedPrecondition, file.string() + " cannot be read", option);
  return text.str();
}

template <class Object, auto Free>
struct Freed {
  void operator()(Object* object) const { Free(object); }
};
using Bio = std::unique_ptr<BIO, Freed<BIO, BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Freed<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;

Bio bio(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Nobody is there to be asked.
int no_password(char*, int, int, void*) {
  return 0;
}

Certificate certificate_of(const std::string& text, const fs::path& file, const char* option) {
  Certificate certificate(PEM_read_bio_X509(bio(text).get(), nullptr, no_password, nullptr));
  if (!certificate)
    throw Error(Code::kFailedPrecondition, file.string() + " holds no certificate (PEM)", option);
  return certificate;
}

}  // namespace

TlsTexts read_tls(const TlsFiles& files) {
  TlsTexts texts;
  if (files.cert.empty()) return texts;
  texts.cert = content_of(files.cert, "--tls-cert");
  texts.key = content_of(files.key, "--tls-key");
  const Certificate certificate = certificate_of(texts.cert, files.cert, "--tls-cert");
  const Key key(PEM_read_bio_PrivateKey(bio(texts.key).get(), nullptr, no_password, nullptr));
  if (!key)
    throw Error(Code::kFailedPrecondition,
                files.key.string() + " holds no private key (PEM, without a password)", "--tls-key");
  if (X509_check_private_key(certificate.get(), key.get()) != 1)
    throw Error(Code::kFailedPrecondition,
                files.key.string() + " is not the key of the certificate in " + files.cert.string(),
                "--tls-key");
  if (!files.client_ca.empty()) {
    texts.client_ca = content_of(files.client_ca, "--tls-client-ca");
    certificate_of(texts.client_ca, files.client_ca, "--tls-client-ca");
  }
  return texts;
}

// gRPC reads certificates again from paths only, and takes whatever it finds there: it gets the paths of
// files in memory, which hold what was checked.
class Tls::Copies {
 public:
  explicit Copies(const TlsTexts& texts) { write(texts); }

  void write(const TlsTexts& texts) {
    // The key first: a reader that comes between sees that its time changed, and reads again.
    key_.write(texts.key);
    cert_.write(texts.cert);
    if (!texts.client_ca.empty()) client_ca_.write(texts.client_ca);
  }
  std::string key() const { return key_.path(); }
  std::string cert() const { return cert_.path(); }
  std::string client_ca() const { return client_ca_.path(); }

 private:
  class MemoryFile {
   public:
    MemoryFile() : descriptor_(::memfd_create("hooke-tls", MFD_CLOEXEC)) {
      if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "memfd_create");
    }
    ~MemoryFile() { ::close(descriptor_); }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    void write(const std::string& text) {
      if (::ftruncate(descriptor_, 0) != 0 ||
          ::pwrite(descriptor_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
        throw std::system_error(errno, std::generic_category(), "memory for a certificate");
    }
    std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

   private:
    const int descriptor_;
  };
  MemoryFile key_, cert_, client_ca_;
};

Tls::Tls(TlsFiles files) : files_(std::move(files)), texts_(read_tls(files_)) {
  if (on()) copies_ = std::make_unique<Copies>(texts_);
}

Tls::~Tls() = default;

std::shared_ptr<grpc::ServerCredentials> Tls::credentials() const {
  if (!on()) return grpc::InsecureServerCredentials();
  namespace tls = grpc::experimental;
  const bool ask = !files_.client_ca.empty();
  auto provider = std::make_shared<tls::FileWatcherCertificateProvider>(
      copies_->key(), copies_->cert(), ask ? copies_->client_ca() : std::string(), kGrpcDelay_s);
  tls::TlsServerCredentialsOptions options(std::move(provider));
  options.watch_identity_key_cert_pairs();
  if (ask) options.watch_root_certs();
  options.set_cert_request_type(ask ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                                    : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  return tls::TlsServerCredentials(options);
}

void Tls::reload() {
  if (!on()) return;
  texts_ = read_tls(files_);
  copies_->write(texts_);
}

}  // namespace hooke
