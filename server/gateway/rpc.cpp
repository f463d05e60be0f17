#include "server/gateway/rpc.h"

#include <optional>

#include "proto/hooke/status.h"
#include "server/gateway/call.h"
#include "server/gateway/codec.h"

namespace hooke::gateway {
namespace {

namespace net = boost::asio;

// Smaller ones gain nothing.
constexpr std::size_t kGzipFrom = 1024;

std::string path_of(const google::protobuf::MethodDescriptor* method) {
  return "/" + method->service()->full_name() + "/" + method->name();
}

Call::Options options_of(Exchange& exchange, const CallHead& head) {
  return {path_of(head.method), head.authorization, exchange.peer(), head.timeout};
}

std::string decode(const CallHead& head, std::string message, bool compressed, std::size_t most) {
  if (compressed && !message.empty()) message = gunzip(message, most);
  const std::string& type = head.method->input_type()->full_name();
  if (head.type.codec == Codec::kJson) return from_json(type, message);
  check_bytes(type, message);
  return message;
}

std::string encode(const CallHead& head, std::string message) {
  if (head.type.codec == Codec::kProto) return message;
  return to_json(head.method->output_type()->full_name(), message);
}

Response error_response(const grpc::Status& status) {
  Response response{
      http_status(status.error_code()), {{"Content-Type", "application/json"}}, error_json(status)};
  if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED)
    response.headers.push_back({"WWW-Authenticate", "Bearer"});
  return response;
}

void add_metadata(Response& response, const Call& call) {
  for (const Header& header : headers_of(call.leading())) response.headers.push_back(header);
  for (const Header& header : headers_of(call.trailing(), "trailer-")) response.headers.push_back(header);
}

net::awaitable<void> unary(Exchange& exchange, Calls& calls, const CallHead& head) {
  std::string body;
  co_await exchange.read_body(body);
  const auto place = place_for_call(calls);
  const std::string request = decode(head, std::move(body), head.request_gzip, calls.limits.message_bytes);
  Call::Options options = options_of(exchange, head);
  // gRPC may answer a call whose time has run out at its start.
  if (options.timeout == std::chrono::milliseconds(0))
    throw Error(Code::kDeadlineExceeded, "the caller's Connect-Timeout-Ms has run out");
  if (!options.timeout) options.timeout = calls.limits.call;
  Call call(calls.stub, options);
  const Watch::Guard watched(calls.watch, exchange.descriptor(), call.canceller());
  Call::Answer answer;
  co_await call.unary(request, answer);
  Response response;
  if (answer.status.ok()) {
    response = {
        200, {{"Content-Type", std::string(text_of(head.type))}}, encode(head, std::move(answer.message))};
    if (head.response_gzip) compress(response);
  } else {
    response = error_response(answer.status);
  }
  add_metadata(response, call);
  co_await exchange.respond(std::move(response));
}

// Hands the request's messages on. How many there were; throws hooke::Error for what is none.
net::awaitable<std::size_t> send_messages(Exchange& exchange, Calls& calls, const CallHead& head,
                                          Call& call) {
  Envelopes envelopes(calls.limits.message_bytes);
  std::size_t count = 0;
  std::string bytes;
  while (co_await exchange.read_some(bytes)) {
    envelopes.add(bytes);
    while (auto message = envelopes.next()) {
      const bool compressed = (message->flags & kCompressedFlag) != 0;
      if (compressed && !head.request_gzip)
        throw Error(Code::kInvalidArgument,
                    "a message is compressed, but connect-content-encoding does not say how");
      if (++count > 1 && !head.method->client_streaming())
        throw Error(Code::kInvalidArgument, head.method->full_name() + " takes one message; there are more");
      const std::string request =
          decode(head, std::move(message->bytes), compressed, calls.limits.message_bytes);
      // The server ends the call before it has read all: what it says is the answer.
      if (!co_await call.write(request)) co_return count;
    }
  }
  if (envelopes.torn()) throw Error(Code::kInvalidArgument, "the body ends within a message");
  if (count == 0 && !head.method->client_streaming())
    throw Error(Code::kInvalidArgument, head.method->full_name() + " takes one message; the body is empty");
  co_await call.writes_done();
  co_return count;
}

Response stream_head(const CallHead& head) {
  Response response{200, {{"Content-Type", std::string(text_of(head.type))}}, {}};
  if (head.response_gzip) response.headers.push_back({"Connect-Content-Encoding", "gzip"});
  return response;
}

std::string enveloped(const CallHead& head, std::string message) {
  std::string bytes = encode(head, std::move(message));
  if (!head.response_gzip || bytes.size() < kGzipFrom) return envelope(0, bytes);
  return envelope(kCompressedFlag, gzip(bytes));
}

net::awaitable<void> stream_messages(Exchange& exchange, Calls& calls, const CallHead& head) {
  Call call(calls.stub, options_of(exchange, head));
  const Watch::Guard watched(calls.watch, exchange.descriptor(), call.canceller());
  co_await send_messages(exchange, calls, head, call);
  co_await call.begun();
  Response first = stream_head(head);
  for (const Header& header : headers_of(call.leading())) first.headers.push_back(header);
  co_await exchange.begin(std::move(first));
  while (co_await call.read()) {
    const std::string bytes = enveloped(head, call.message());
    co_await exchange.send(bytes);
  }
  co_await call.finish();
  const std::string end = envelope(kEndFlag, end_of_stream(call.status(), call.trailing()));
  co_await exchange.send(end);
  co_await exchange.end();
}

// Errors of a stream, the gateway's own too, come in its last message.
net::awaitable<void> stream(Exchange& exchange, Calls& calls, const CallHead& head) {
  std::optional<Error> failed;
  const auto place = calls.streams.take();
  if (place) {
    try {
      co_await stream_messages(exchange, calls, head);
    } catch (const Error& error) {
      failed = error;
    }
  } else {
    failed = Error(Code::kResourceExhausted,
                   "the server has " + std::to_string(calls.streams.most()) + " streams open; close one");
  }
  if (!failed) co_return;
  if (!exchange.begun()) co_await exchange.begin(stream_head(head));
  const std::string end = envelope(kEndFlag, end_of_stream(to_status(*failed), {}));
  co_await exchange.send(end);
  co_await exchange.end();
}

}  // namespace

void compress(Response& response) {
  if (response.body.size() < kGzipFrom) return;
  response.body = gzip(response.body);
  response.headers.push_back({"Content-Encoding", "gzip"});
}

Places::Place place_for_call(Calls& calls) {
  auto place = calls.calls.take();
  if (!place)
    throw Refused(503, Code::kUnavailable,
                  "the server has " + std::to_string(calls.calls.most()) + " calls at a time; try again",
                  {{"Retry-After", "1"}});
  return place;
}

net::awaitable<void> serve_call(Exchange& exchange, Calls& calls,
                                const google::protobuf::MethodDescriptor* method) {
  const CallHead head = parse_head(exchange.request(), method);
  if (head.type.streaming)
    co_await stream(exchange, calls, head);
  else
    co_await unary(exchange, calls, head);
}

Response refusal(const Error& error) {
  Response response = error_response(to_status(error));
  if (const auto* refused = dynamic_cast<const Refused*>(&error)) {
    response.status = refused->status();
    response.headers.insert(response.headers.end(), refused->headers().begin(), refused->headers().end());
  }
  return response;
}

}  // namespace hooke::gateway
