#include "server/gateway/codec.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver_util.h>
#include <zlib.h>

#include <memory>

#include "proto/hooke/error.h"

namespace hooke::gateway {
namespace {

namespace util = google::protobuf::util;

constexpr const char* kUrlPrefix = "type.googleapis.com";
// Fast: most of the gain, a fraction of the time.
constexpr int kGzipLevel = 1;
constexpr int kGzipWindow = 15 + 16;
constexpr std::size_t kGrowth = 64 << 10;

util::TypeResolver* resolver() {
  static const std::unique_ptr<util::TypeResolver> one(
      util::NewTypeResolverForDescriptorPool(kUrlPrefix, google::protobuf::DescriptorPool::generated_pool()));
  return one.get();
}

std::string url_of(const std::string& type) {
  return std::string(kUrlPrefix) + "/" + type;
}

bool parses_as(const std::string& type, const std::string& bytes) {
  const auto* descriptor = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(type);
  if (!descriptor) return false;
  const auto* prototype = google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor);
  const std::unique_ptr<google::protobuf::Message> message(prototype->New());
  return message->ParseFromString(bytes);
}

}  // namespace

std::string from_json(const std::string& type, const std::string& json) {
  if (json.empty())
    throw Error(Code::kInvalidArgument, "the body is empty; a " + type + " without fields is {}");
  std::string bytes;
  const auto status = util::JsonToBinaryString(resolver(), url_of(type), json, &bytes);
  if (!status.ok())
    throw Error(Code::kInvalidArgument,
                "the body is not a " + type + " in JSON: " + std::string(status.message()));
  return bytes;
}

void check_bytes(const std::string& type, const std::string& bytes) {
  if (!parses_as(type, bytes)) throw Error(Code::kInvalidArgument, "the body is not a " + type);
}

std::optional<std::string> try_to_json(const std::string& type, const std::string& bytes) {
  // Of some bytes that are no message protobuf's writer never comes to an end.
  if (!parses_as(type, bytes)) return std::nullopt;
  std::string json;
  if (!util::BinaryToJsonString(resolver(), url_of(type), bytes, &json).ok()) return std::nullopt;
  return json;
}

std::string to_json(const std::string& type, const std::string& bytes) {
  auto json = try_to_json(type, bytes);
  if (!json) throw Error(Code::kInternal, "the answer cannot be written as JSON; application/proto works");
  return std::move(*json);
}

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  if (::deflateInit2(&stream, kGzipLevel, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw Error(Code::kResourceExhausted, "no memory to compress");
  std::string result(::deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  ::deflate(&stream, Z_FINISH);
  result.resize(stream.total_out);
  ::deflateEnd(&stream);
  return result;
}

std::string gunzip(std::string_view bytes, std::size_t most) {
  z_stream stream{};
  if (::inflateInit2(&stream, kGzipWindow) != Z_OK)
    throw Error(Code::kResourceExhausted, "no memory to decompress");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, ::inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string result;
  int state = Z_OK;
  while (state == Z_OK) {
    const std::size_t had = result.size();
    if (had > most)
      throw Error(Code::kResourceExhausted, "the message is larger than " + std::to_string(most) + " bytes");
    result.resize(had + kGrowth);
    stream.next_out = reinterpret_cast<Bytef*>(result.data() + had);
    stream.avail_out = static_cast<uInt>(kGrowth);
    state = ::inflate(&stream, Z_NO_FLUSH);
    result.resize(had + kGrowth - stream.avail_out);
  }
  if (result.size() > most)
    throw Error(Code::kResourceExhausted, "the message is larger than " + std::to_string(most) + " bytes");
  if (state != Z_STREAM_END || stream.avail_in > 0)
    throw Error(Code::kInvalidArgument, "what is said to be gzip is not, or is cut");
  return result;
}

}  // namespace hooke::gateway
