#include "client/sdk/connection.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/byte_buffer.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include "hooke_version.h"
#include "proto/hooke/channel.h"
#include "proto/hooke/status.h"

namespace hooke::sdk {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

// A server that comes back is found within this time.
constexpr int kReconnectFirstMs = 100;
constexpr int kReconnectMaxMs = 2'000;
// One attempt to connect, handshake included; gRPC calls it the minimal pause.
constexpr int kConnectTimeoutMs = 10'000;
constexpr milliseconds kFirstPause{100};
constexpr milliseconds kLongestPause{1'000};

std::string content_of(const std::string& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) throw invalid("", "cannot read '" + file + "'");
  return text.str();
}

std::shared_ptr<grpc::Channel> open_channel(const Endpoint& endpoint) {
  // resolve() sees to this; an endpoint made otherwise must not leak its token either.
  if (!endpoint.tls && !is_loopback(endpoint.address))
    throw invalid("", "'" + endpoint.address + "' is not this machine; only TLS leads there");
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectFirstMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectTimeoutMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMaxMs);
  // A proxy that the environment names is not for loopback.
  if (is_loopback(endpoint.address)) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  if (!endpoint.tls)
    return grpc::CreateCustomChannel(endpoint.address, grpc::InsecureChannelCredentials(), arguments);
  grpc::SslCredentialsOptions options;
  if (!endpoint.ca_file.empty()) options.pem_root_certs = content_of(endpoint.ca_file);
  if (!endpoint.cert_file.empty()) {
    options.pem_cert_chain = content_of(endpoint.cert_file);
    options.pem_private_key = content_of(endpoint.key_file);
  }
  return grpc::CreateCustomChannel(endpoint.address, grpc::SslCredentials(options), arguments);
}

std::string major_of(const std::string& version) {
  return version.substr(0, version.find('.'));
}

std::string unreachable(const Endpoint& endpoint, const std::string& cause) {
  std::string message = "cannot reach the server at " + endpoint.address;
  // gRPC lists every address with every layer; what went wrong stands last.
  const std::size_t colon = cause.rfind(": ");
  if (!cause.empty()) message += " (" + (colon == std::string::npos ? cause : cause.substr(colon + 2)) + ")";
  message += is_loopback(endpoint.address)
                 ? "; `hooke up` starts one on this machine, HOOKE_SERVER or --server names another"
                 : "; check the address (HOOKE_SERVER or --server)";
  if (endpoint.tls)
    message += endpoint.ca_file.empty()
                   ? ", and its certificate: HOOKE_CA or --ca names the authority that signed it"
                   : ", and that '" + endpoint.ca_file + "' signed its certificate";
  return message;
}

}  // namespace

Connection::Connection(Endpoint endpoint, std::function<void(const std::string&)> notice)
    : endpoint_(std::move(endpoint)), notice_(std::move(notice)), channel_(open_channel(endpoint_)) {}

void Connection::authorise(grpc::ClientContext& context) const {
  context.AddMetadata(kVersionKey, kVersion);
  if (!endpoint_.token.empty()) context.AddMetadata(kAuthorizationKey, kBearer + endpoint_.token);
}

Error Connection::error_of(const grpc::Status& status) const {
  const Error error = from_status(status);
  switch (error.code()) {
    case Code::kUnavailable:
      return Error(Code::kUnavailable, unreachable(endpoint_, error.what()));
    case Code::kDeadlineExceeded:
      return Error(Code::kDeadlineExceeded, "the server at " + endpoint_.address + " did not answer in time");
    case Code::kUnauthenticated:
      return Error(Code::kUnauthenticated,
                   endpoint_.token.empty() && !endpoint_.cert_file.empty()
                       ? "the server at " + endpoint_.address + " does not accept the certificate alone (" +
                             error.what() + ")"
                   : endpoint_.token.empty()
                       ? "the server at " + endpoint_.address +
                             " wants a token; HOOKE_TOKEN_FILE or --token-file names a file that holds it"
                       : "the server at " + endpoint_.address + " does not accept the token from " +
                             endpoint_.token_origin + " (" + error.what() + ")");
    case Code::kUnimplemented:
      // gRPC itself says no more; Hooke's own refusals have a reason.
      return *error.what() == '\0' ? Error(Code::kUnimplemented, unknown_call()) : error;
    default:
      return error;
  }
}

std::string Connection::unknown_call() const {
  const std::lock_guard lock(mutex_);
  return "the server at " + endpoint_.address + " does not know this call; it is " +
         (server_version_.empty() ? "of another version" : "version " + server_version_) +
         ", this program is " + kVersion + ": bring the server up to date";
}

void Connection::note_version(const grpc::ClientContext& context) {
  const auto& initial = context.GetServerInitialMetadata();
  const auto& trailing = context.GetServerTrailingMetadata();
  auto found = initial.find(kVersionKey);
  if (found == initial.end() && (found = trailing.find(kVersionKey)) == trailing.end()) return;
  const std::string theirs(found->second.data(), found->second.size());
  const bool other_major = major_of(theirs) != major_of(kVersion);
  {
    const std::lock_guard lock(mutex_);
    server_version_ = theirs;
    if (!notice_ || !other_major || std::exchange(version_told_, true)) return;
  }
  notice_("the server at " + endpoint_.address + " is version " + theirs + ", this program is " + kVersion +
          ": they may misunderstand each other; install the same major version");
}

void Connection::attempt(const std::function<grpc::Status(grpc::ClientContext&)>& call,
                         const CallOptions& options) {
  const auto give_up = steady_clock::now() + options.retry_for;
  for (milliseconds pause = kFirstPause;; pause = std::min(pause * 2, kLongestPause)) {
    grpc::ClientContext context;
    authorise(context);
    context.set_deadline(system_clock::now() + options.deadline);
    const grpc::Status status = call(context);
    if (status.error_code() != grpc::StatusCode::UNAVAILABLE) note_version(context);
    if (status.ok()) return;
    const bool again = options.idempotent && status.error_code() == grpc::StatusCode::UNAVAILABLE &&
                       steady_clock::now() + pause < give_up;
    if (!again) throw error_of(status);
    std::this_thread::sleep_for(pause);
  }
}

bool Connection::healthy(milliseconds deadline) const {
  // HealthCheckRequest with the empty service name has no bytes; the answer SERVING is {1: 1}.
  // Debian installs no generated code for the health service.
  grpc::GenericStub stub(channel_);
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  context.set_deadline(system_clock::now() + deadline);
  const grpc::Slice nothing;
  grpc::ByteBuffer answer;
  grpc::CompletionQueue queue;
  grpc::Status status;
  auto call =
      stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::ByteBuffer(&nothing, 1), &queue);
  call->StartCall();
  call->Finish(&answer, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  const bool got = queue.Next(&tag, &ok);
  grpc::Slice bytes;
  return got && ok && status.ok() && answer.DumpToSingleSlice(&bytes).ok() && bytes.size() == 2 &&
         bytes.begin()[0] == 0x08 && bytes.begin()[1] == 0x01;
}

}  // namespace hooke::sdk
