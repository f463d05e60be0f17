// What the gateway reads that is text and bytes: heads, envelopes, gzip, messages in JSON and as bytes.
#include <google/protobuf/descriptor.h>

#include <vector>

#include "hooke/v1/access.pb.h"
#include "hooke/v1/admin.pb.h"
#include "hooke/v1/experiment.pb.h"
#include "hooke/v1/query.pb.h"
#include "hooke/v1/worker.pb.h"
#include "server/gateway/codec.h"
#include "server/gateway/connect.h"
#include "server/gateway/guard.h"
#include "tests/fuzz/target.h"

using namespace hooke;
using namespace hooke::gateway;

namespace {

constexpr std::size_t kMost = 4 << 20;

const std::initializer_list<Code> kRefusals = {Code::kInvalidArgument, Code::kResourceExhausted,
                                               Code::kUnimplemented, Code::kPermissionDenied};

// "METHOD PATH", then headers, a line each.
void head(fuzz::Input input) {
  Request request;
  request.method = input.until(' ');
  request.path = input.until('\n');
  while (!input.empty()) {
    const std::string_view text = input.until('\n');
    const auto colon = text.find(':');
    request.headers.push_back({lower(text.substr(0, colon)),
                               std::string(colon == text.npos ? "" : trimmed(text.substr(colon + 1)))});
  }
  static const Guard guard("127.0.0.1", {"lab.example.org"}, {"https://pages.example.org"});
  fuzz::allowed(kRefusals, [&] { guard.check(request); });
  guard.allowed_origin(request);
  if (const auto* method = find_method(request.path))
    fuzz::allowed(kRefusals, [&] { parse_head(request, method); });
}

// Cut anywhere, a stream of messages is the same one.
void envelopes(fuzz::Input input) {
  const std::size_t first = input.byte();
  const auto messages = [&](std::size_t cut) {
    std::string all;
    Envelopes cutter(kMost);
    const std::string_view bytes = input.rest();
    for (const std::string_view part : {bytes.substr(0, cut), bytes.substr(cut)}) {
      cutter.add(part);
      while (const auto message = cutter.next()) all += envelope(message->flags, message->bytes);
    }
    return all + (cutter.torn() ? "torn" : "");
  };
  std::string one, two;
  const bool good = fuzz::allowed(kRefusals, [&] { one = messages(input.rest().size()); });
  const bool again = fuzz::allowed(kRefusals, [&] { two = messages(std::min(first, input.rest().size())); });
  fuzz::check(good == again && one == two, "where bytes are cut changes their messages");
}

void zipped(fuzz::Input input) {
  fuzz::allowed(kRefusals, [&] {
    const std::string plain = gunzip(input.rest(), kMost);
    fuzz::check(gunzip(gzip(plain), kMost) == plain, "gzip changed a message");
  });
}

const google::protobuf::Descriptor* any_message(std::uint8_t choice) {
  static const std::vector<const google::protobuf::Descriptor*> all = [] {
    std::vector<const google::protobuf::Descriptor*> messages;
    for (const auto* one : {v1::CreateTokenRequest::descriptor(), v1::BackupRequest::descriptor(),
                            v1::GetRunRequest::descriptor(), v1::GetSeriesRequest::descriptor(),
                            v1::LeaseRequest::descriptor()}) {
      for (int i = 0; i < one->file()->message_type_count(); ++i)
        messages.push_back(one->file()->message_type(i));
    }
    return messages;
  }();
  return all[choice % all.size()];
}

// What JSON says is a message, and that message's JSON says the same.
void json(fuzz::Input input) {
  const std::string& type = any_message(input.byte())->full_name();
  fuzz::allowed(kRefusals, [&] {
    const std::string bytes = from_json(type, std::string(input.rest()));
    check_bytes(type, bytes);
    const std::string text = to_json(type, bytes);
    fuzz::check(to_json(type, from_json(type, text)) == text, "JSON changed a message");
  });
}

void bytes(fuzz::Input input) {
  const std::string& type = any_message(input.byte())->full_name();
  const std::string message(input.rest());
  fuzz::allowed(kRefusals, [&] { check_bytes(type, message); });
  try_to_json(type, message);
  error_json({grpc::StatusCode::INVALID_ARGUMENT, message, message});
}

}  // namespace

void fuzz::one_input(Input input) {
  using Part = void (*)(fuzz::Input);
  constexpr Part kParts[] = {head, envelopes, zipped, json, bytes};
  kParts[input.byte() % std::size(kParts)](input);
}
