#include "server/gateway/connect.h"

#include <google/protobuf/descriptor.pb.h>

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "google/rpc/details.pb.h"
#include "hooke/v1/query.pb.h"
#include "proto/hooke/channel.h"
#include "server/gateway/base64.h"
#include "server/gateway/codec.h"

namespace hooke::gateway {
namespace {

constexpr std::string_view kAccepted =
    "application/json or application/proto; for streams application/connect+json or "
    "application/connect+proto";

// Workers speak gRPC; nothing else may pass for one.
constexpr std::string_view kNotServed = "hooke.v1.WorkerService";

struct CodeRow {
  std::string_view name;
  int http;
};
constexpr std::array<CodeRow, 17> kCodes = {{{"ok", 200},
                                             {"canceled", 499},
                                             {"unknown", 500},
                                             {"invalid_argument", 400},
                                             {"deadline_exceeded", 504},
                                             {"not_found", 404},
                                             {"already_exists", 409},
                                             {"permission_denied", 403},
                                             {"resource_exhausted", 429},
                                             {"failed_precondition", 400},
                                             {"aborted", 409},
                                             {"out_of_range", 400},
                                             {"unimplemented", 501},
                                             {"internal", 500},
                                             {"unavailable", 503},
                                             {"data_loss", 500},
                                             {"unauthenticated", 401}}};
constexpr std::size_t kUnknown = 2;

const CodeRow& row_of(grpc::StatusCode code) {
  const auto index = static_cast<std::size_t>(code);
  return kCodes[index < kCodes.size() ? index : kUnknown];
}

// Any text that came from outside becomes UTF-8.
std::string dump(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

nlohmann::ordered_json error_object(const grpc::Status& status) {
  nlohmann::ordered_json error = {{"code", name_of(status.error_code())},
                                  {"message", status.error_message()}};
  google::rpc::Status details;
  if (status.error_details().empty() || !details.ParseFromString(status.error_details())) return error;
  for (const auto& any : details.details()) {
    const std::string type = any.type_url().substr(any.type_url().rfind('/') + 1);
    nlohmann::ordered_json detail = {{"type", type}, {"value", to_base64(any.value())}};
    if (const auto json = try_to_json(type, any.value()))
      detail["debug"] = nlohmann::ordered_json::parse(*json);
    error["details"].push_back(std::move(detail));
  }
  return error;
}

std::chrono::milliseconds parse_timeout(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.size() > 10 || value < 0)
    throw Refused(400, Code::kInvalidArgument,
                  "connect-timeout-ms: '" + std::string(text) +
                      "' is not a number of milliseconds, of at most 10 digits");
  return std::chrono::milliseconds(value);
}

// Whether gzip is the coding; throws for one that is neither that nor none.
bool is_gzip(std::optional<std::string_view> coding, const char* header) {
  if (!coding || *coding == "identity" || coding->empty()) return false;
  if (*coding == "gzip") return true;
  throw Refused(
      501, Code::kUnimplemented,
      std::string(header) + ": '" + std::string(*coding) + "' is not supported; gzip and identity are");
}

bool of_grpc(std::string_view key) {
  return key.starts_with("grpc-") || key.starts_with(":") || key.starts_with("connect-") ||
         key == "content-type" || key == "user-agent" || key == "te" || key == "content-length" ||
         key == "transfer-encoding" || key == "connection";
}

std::string value_of(std::string_view key, const grpc::string_ref& value) {
  const std::string_view bytes(value.data(), value.size());
  return key.ends_with("-bin") ? to_base64(bytes) : std::string(bytes);
}

}  // namespace

std::optional<ContentType> parse_content_type(std::string_view text) {
  const std::string type = lower(trimmed(text.substr(0, text.find(';'))));
  for (const bool streaming : {false, true})
    for (const Codec codec : {Codec::kProto, Codec::kJson})
      if (type == text_of({codec, streaming})) return ContentType{codec, streaming};
  return std::nullopt;
}

std::string_view text_of(ContentType type) {
  if (type.streaming)
    return type.codec == Codec::kJson ? "application/connect+json" : "application/connect+proto";
  return type.codec == Codec::kJson ? "application/json" : "application/proto";
}

const google::protobuf::MethodDescriptor* find_method(std::string_view path) {
  static const std::string package = v1::GetSeriesRequest::descriptor()->file()->package();
  if (path.empty() || path.front() != '/') return nullptr;
  path.remove_prefix(1);
  const auto slash = path.find('/');
  if (slash == std::string_view::npos) return nullptr;
  const std::string service(path.substr(0, slash));
  if (service == kNotServed) return nullptr;
  const auto* found = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(service);
  if (found == nullptr || found->file()->package() != package) return nullptr;
  return found->FindMethodByName(std::string(path.substr(slash + 1)));
}

CallHead parse_head(const Request& request, const google::protobuf::MethodDescriptor* method) {
  if (request.method != "POST")
    throw Refused(405, Code::kUnimplemented,
                  method->full_name() + " is called by POST, not by " + request.method, {{"Allow", "POST"}});
  CallHead head;
  head.method = method;
  const auto type = request.find("content-type");
  const auto parsed = type ? parse_content_type(*type) : std::nullopt;
  const bool streaming = method->client_streaming() || method->server_streaming();
  if (!parsed || parsed->streaming != streaming)
    throw Refused(415, Code::kInvalidArgument,
                  method->full_name() + (streaming ? " streams" : " does not stream") +
                      ": the content type '" + std::string(type.value_or("")) + "' does not fit; " +
                      std::string(kAccepted),
                  {{"Accept-Post", std::string(text_of({Codec::kJson, streaming})) + ", " +
                                       std::string(text_of({Codec::kProto, streaming}))}});
  if (method->client_streaming() && method->server_streaming())
    throw Refused(505, Code::kUnimplemented,
                  method->full_name() + " streams both ways, which HTTP/1.1 cannot; use gRPC");
  head.type = *parsed;
  const auto version = request.find("connect-protocol-version");
  if (version && *version != "1")
    throw Refused(400, Code::kInvalidArgument,
                  "connect-protocol-version: '" + std::string(*version) + "' is not known here; 1 is");
  if (const auto timeout = request.find("connect-timeout-ms")) head.timeout = parse_timeout(*timeout);
  const std::string prefix = streaming ? "connect-" : "";
  const std::string coding = prefix + "content-encoding";
  // A stream as a whole is not compressed, its messages are.
  if (streaming && is_gzip(request.find("content-encoding"), "content-encoding"))
    throw Refused(415, Code::kUnimplemented,
                  "content-encoding: streams are compressed by connect-content-encoding");
  head.request_gzip = is_gzip(request.find(coding), coding.c_str());
  const auto accepted = request.find(prefix + "accept-encoding");
  head.response_gzip = accepted ? accepts_coding(*accepted, "gzip") : head.request_gzip;
  head.authorization = request.find(kAuthorizationKey).value_or("");
  return head;
}

std::string_view name_of(grpc::StatusCode code) {
  return row_of(code).name;
}

int http_status(grpc::StatusCode code) {
  return row_of(code).http;
}

std::string error_json(const grpc::Status& status) {
  return dump(error_object(status));
}

std::vector<Header> headers_of(const Metadata& metadata, const std::string& prefix) {
  std::vector<Header> headers;
  for (const auto& [ref, value] : metadata) {
    const std::string_view key(ref.data(), ref.size());
    if (!of_grpc(key)) headers.push_back({prefix + std::string(key), value_of(key, value)});
  }
  return headers;
}

std::string end_of_stream(const grpc::Status& status, const Metadata& trailing) {
  nlohmann::ordered_json end = nlohmann::ordered_json::object();
  if (!status.ok()) end["error"] = error_object(status);
  for (const Header& header : headers_of(trailing)) end["metadata"][header.name].push_back(header.value);
  return dump(end);
}

std::string envelope(std::uint8_t flags, std::string_view message) {
  const auto size = static_cast<std::uint32_t>(message.size());
  std::string bytes = {static_cast<char>(flags), static_cast<char>(size >> 24), static_cast<char>(size >> 16),
                       static_cast<char>(size >> 8), static_cast<char>(size)};
  bytes.append(message);
  return bytes;
}

std::optional<Envelopes::Message> Envelopes::next() {
  if (pending_.size() < kEnvelopeHead) return std::nullopt;
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(pending_[i]));
  };
  const auto flags = static_cast<std::uint8_t>(byte(0));
  const std::size_t size = byte(1) << 24 | byte(2) << 16 | byte(3) << 8 | byte(4);
  if ((flags & ~kCompressedFlag) != 0)
    throw Refused(400, Code::kInvalidArgument,
                  "a message of the stream has flags that a request may not have: " + std::to_string(flags));
  if (size > most_bytes_)
    throw Refused(
        413, Code::kResourceExhausted,
        "a message of " + std::to_string(size) + " bytes; the most is " + std::to_string(most_bytes_));
  if (pending_.size() < kEnvelopeHead + size) return std::nullopt;
  Message message{flags, pending_.substr(kEnvelopeHead, size)};
  pending_.erase(0, kEnvelopeHead + size);
  return message;
}

}  // namespace hooke::gateway
