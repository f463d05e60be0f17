// The Connect protocol (https://connectrpc.com/docs/protocol), as far as it is text and bytes: content
// types, error objects, envelopes, timeouts. Pure functions; no sockets.
#pragma once

#include <google/protobuf/descriptor.h>
#include <grpcpp/support/status.h>
#include <grpcpp/support/string_ref.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/gateway/http.h"

namespace hooke::gateway {

enum class Codec { kProto, kJson };

struct ContentType {
  Codec codec = Codec::kJson;
  bool streaming = false;  // enveloped messages
  bool operator==(const ContentType&) const = default;
};

// One of the four; parameters, as "; charset=utf-8", are ignored.
std::optional<ContentType> parse_content_type(std::string_view text);
std::string_view text_of(ContentType type);

// What the head of a request asks for.
struct CallHead {
  const google::protobuf::MethodDescriptor* method = nullptr;
  ContentType type;
  bool request_gzip = false;   // the body (unary) or flagged messages (streaming) are compressed
  bool response_gzip = false;  // the caller understands it
  std::optional<std::chrono::milliseconds> timeout;
  std::string authorization;  // as it came, or empty
};

// The method that a path names, "/hooke.v1.QueryService/GetSeries": any service of the contract but
// the workers' own. Null when there is none.
const google::protobuf::MethodDescriptor* find_method(std::string_view path);

// Throws Refused: 405, 415, 400 for a head that does not fit the method, 505 for a method that streams
// both ways. REQUIRES: method is not null.
CallHead parse_head(const Request& request, const google::protobuf::MethodDescriptor* method);

// "invalid_argument".
std::string_view name_of(grpc::StatusCode code);
int http_status(grpc::StatusCode code);

// {"code", "message", "details"} with the error details that the status carries.
std::string error_json(const grpc::Status& status);

using Metadata = std::multimap<grpc::string_ref, grpc::string_ref>;
// gRPC's metadata as headers; binary values in base64. What belongs to gRPC itself is left out.
std::vector<Header> headers_of(const Metadata& metadata, const std::string& prefix = {});
// The JSON of the message that ends every stream.
std::string end_of_stream(const grpc::Status& status, const Metadata& trailing);

inline constexpr std::size_t kEnvelopeHead = 5;
inline constexpr std::uint8_t kCompressedFlag = 1;
inline constexpr std::uint8_t kEndFlag = 2;
std::string envelope(std::uint8_t flags, std::string_view message);

// Cuts bytes into messages. Throws Refused for a message above the limit or with unknown flags.
class Envelopes {
 public:
  explicit Envelopes(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  struct Message {
    std::uint8_t flags = 0;
    std::string bytes;
  };
  void add(std::string_view bytes) { pending_.append(bytes); }
  std::optional<Message> next();
  // Whether bytes of an unfinished message are left.
  bool torn() const { return !pending_.empty(); }

 private:
  const std::size_t most_bytes_;
  std::string pending_;
};

}  // namespace hooke::gateway
