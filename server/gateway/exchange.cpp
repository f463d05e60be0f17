#include "server/gateway/exchange.h"

#include <array>
#include <boost/asio/write.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <limits>

namespace hooke::gateway {
namespace {

namespace net = boost::asio;
namespace http = boost::beast::http;

constexpr std::size_t kReadBytes = 16 << 10;
constexpr unsigned kHttp11 = 11;

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

template <class Fields>
void add_headers(Fields& fields, const std::vector<Header>& headers, const std::vector<Header>& common) {
  for (const Header& header : headers) fields.insert(header.name, header.value);
  for (const Header& header : common)
    if (fields.find(header.name) == fields.end()) fields.insert(header.name, header.value);
}

void throw_refusal(const boost::system::error_code& error) {
  if (error == http::error::header_limit)
    throw Refused(431, Code::kInvalidArgument, "the head of the request is too large");
  if (error == http::error::body_limit)
    throw Refused(413, Code::kResourceExhausted, "the body of the request is too large");
  if (error.category() == http::make_error_code(http::error::bad_method).category())
    throw Refused(400, Code::kInvalidArgument, "this is not HTTP/1.1: " + error.message());
  throw boost::system::system_error(error);
}

}  // namespace

Exchange::Exchange(Socket& socket, boost::beast::flat_buffer& buffer, const Limits& limits, Places& large)
    : socket_(socket), buffer_(buffer), limits_(limits), large_(large) {
  parser_.header_limit(static_cast<std::uint32_t>(limits.head_bytes));
  // Bodies are measured as they come; without a limit (boost::none) 1.74 refuses every length.
  parser_.body_limit(std::numeric_limits<std::uint64_t>::max());
}

net::awaitable<bool> Exchange::read_head() {
  boost::system::error_code error;
  if (buffer_.size() == 0) {
    socket_.expires_after(limits_.idle);
    const auto count = co_await socket_.async_read_some(buffer_.prepare(kReadBytes),
                                                        net::redirect_error(net::use_awaitable, error));
    if (error) co_return false;
    buffer_.commit(count);
  }
  socket_.expires_after(limits_.head);
  co_await http::async_read_header(socket_, buffer_, parser_, net::redirect_error(net::use_awaitable, error));
  if (error == http::error::end_of_stream) co_return false;
  if (error) throw_refusal(error);
  const auto& message = parser_.get();
  request_.method = view(message.method_string());
  request_.path = view(message.target().substr(0, message.target().find('?')));
  for (const auto& field : message)
    request_.headers.push_back({lower(view(field.name_string())), std::string(view(field.value()))});
  co_return true;
}

net::awaitable<void> Exchange::fill(std::string& bytes) {
  if (!std::exchange(continued_, true) && lower(request_.find("expect").value_or("")) == "100-continue") {
    http::response<http::empty_body> go_on(http::status::continue_, kHttp11);
    co_await http::async_write(socket_, go_on, net::use_awaitable);
  }
  const std::size_t had = bytes.size();
  bytes.resize(had + kReadBytes);
  parser_.get().body().data = bytes.data() + had;
  parser_.get().body().size = kReadBytes;
  boost::system::error_code error;
  co_await http::async_read_some(socket_, buffer_, parser_, net::redirect_error(net::use_awaitable, error));
  bytes.resize(had + kReadBytes - parser_.get().body().size);
  if (error && error != http::error::need_buffer) throw_refusal(error);
}

net::awaitable<void> Exchange::read_body(std::string& body) {
  socket_.expires_after(limits_.body);
  while (!parser_.is_done()) {
    co_await fill(body);
    if (body.size() > limits_.message_bytes)
      throw Refused(413, Code::kResourceExhausted,
                    "the body is larger than " + std::to_string(limits_.message_bytes) + " bytes");
    if (body.size() > limits_.small_body_bytes && !large_place_ && !(large_place_ = large_.take()))
      throw Refused(503, Code::kUnavailable, "too many large requests at a time; try again",
                    {{"Retry-After", "1"}});
  }
}

net::awaitable<bool> Exchange::read_some(std::string& bytes) {
  socket_.expires_after(limits_.body);
  bytes.clear();
  while (bytes.empty() && !parser_.is_done()) co_await fill(bytes);
  co_return !bytes.empty();
}

bool Exchange::may_go_on() const {
  return !last_ && parser_.is_done() && parser_.get().keep_alive();
}

net::awaitable<void> Exchange::respond(Response response) {
  socket_.expires_after(limits_.write);
  begun_ = true;
  http::response<http::string_body> message(static_cast<http::status>(response.status), kHttp11);
  add_headers(message, response.headers, common_);
  message.body() = std::move(response.body);
  keeps_alive_ = may_go_on();
  message.keep_alive(keeps_alive_);
  message.content_length(message.body().size());
  if (request_.method == "HEAD" || response.status == 304 || response.status == 204) message.body().clear();
  if (response.status == 304 || response.status == 204) message.content_length(boost::none);
  co_await http::async_write(socket_, message, net::use_awaitable);
}

net::awaitable<void> Exchange::begin(Response head) {
  socket_.expires_after(limits_.write);
  begun_ = true;
  http::response<http::empty_body> message(static_cast<http::status>(head.status), kHttp11);
  add_headers(message, head.headers, common_);
  keeps_alive_ = may_go_on();
  message.keep_alive(keeps_alive_);
  message.chunked(true);
  http::response_serializer<http::empty_body> serializer(message);
  co_await http::async_write_header(socket_, serializer, net::use_awaitable);
}

net::awaitable<void> Exchange::send(const std::string& bytes) {
  socket_.expires_after(limits_.write);
  co_await net::async_write(socket_, http::make_chunk(net::buffer(bytes)), net::use_awaitable);
}

net::awaitable<void> Exchange::end() {
  socket_.expires_after(limits_.write);
  co_await net::async_write(socket_, http::make_chunk_last(), net::use_awaitable);
}

}  // namespace hooke::gateway
