#include "server/services/gate.h"

#include <grpc/grpc_security_constants.h>

#include "proto/hooke/channel.h"
#include "proto/hooke/status.h"
#include "server/storage/fence.h"

namespace hooke::services {
namespace {

// Messages travel in metadata, percent-encoded, and once more in the details: a client takes 8 KiB.
constexpr std::size_t kLongestMessage = 1000;
constexpr std::size_t kLongestField = 200;

std::string cut(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  // Not inside a character.
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;
  text.resize(most);
  return text + " …";
}

Error cut(const Error& error) {
  return Error(error.code(), cut(error.what(), kLongestMessage), cut(error.field(), kLongestField));
}

}  // namespace

grpc::Status status_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const storage::FencedError& fenced) {
    return to_status(cut(fenced), fenced.reason());
  } catch (const Error& own) {
    return to_status(cut(own));
  } catch (const std::exception& other) {
    return to_status(Error(Code::kInternal, cut(other.what(), kLongestMessage)));
  } catch (...) {
    return to_status(Error(Code::kInternal, "an unknown error"));
  }
}

access::Caller Gate::check(const grpc::ServerContextBase& context, const std::string& method) const {
  // Under overload a call may have waited for its thread for longer than its caller for the answer.
  if (context.IsCancelled()) throw Error(Code::kCancelled, "the caller has gone; nothing was done");
  access::Shown shown;
  const auto& metadata = context.client_metadata();
  if (const auto found = metadata.find(kAuthorizationKey); found != metadata.end())
    shown.authorization = {found->second.data(), found->second.size()};
  // Only the gateway calls by a socket's path.
  shown.over_http = context.peer().starts_with("unix:");
  std::string certificate;
  if (const auto peer = context.auth_context(); peer && peer->IsPeerAuthenticated()) {
    const auto names = peer->FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME);
    if (names.size() == 1) certificate.assign(names[0].data(), names[0].size());
  }
  shown.certificate = certificate;
  return access_.check(method, shown);
}

}  // namespace hooke::services
