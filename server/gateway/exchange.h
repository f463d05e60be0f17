// One HTTP request and its answer on a connection.
//
// Used by the connection's coroutine. What fails on the socket, a deadline included, is thrown as
// boost::system::system_error: the connection is then closed.
#pragma once

#include "server/gateway/asio.h"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/gateway/http.h"
#include "server/gateway/limits.h"
#include "server/gateway/places.h"
#include "server/gateway/socket.h"

namespace hooke::gateway {

class Exchange {
 public:
  // `buffer` holds what was read of the next request. `large` is asked for room for a large body.
  Exchange(Socket& socket, boost::beast::flat_buffer& buffer, const Limits& limits, Places& large);

  // Waits for a request and reads its head. False when the peer sends no more. Throws Refused.
  boost::asio::awaitable<bool> read_head();
  const Request& request() const { return request_; }
  // The whole body. Throws Refused (413) above the limit.
  boost::asio::awaitable<void> read_body(std::string& body);
  // More of the body; false at its end.
  boost::asio::awaitable<bool> read_some(std::string& bytes);

  // Sent with every answer that does not say otherwise.
  void set_common(std::vector<Header> headers) { common_ = std::move(headers); }
  // The answer as a whole.
  boost::asio::awaitable<void> respond(Response response);
  // The answer in pieces.
  boost::asio::awaitable<void> begin(Response head);
  boost::asio::awaitable<void> send(const std::string& bytes);
  boost::asio::awaitable<void> end();

  bool begun() const { return begun_; }
  // Whether another request may follow on this connection.
  bool keeps_alive() const { return keeps_alive_; }
  // This answer is the last one on this connection.
  void close_after() { last_ = true; }
  int descriptor() { return socket_.descriptor(); }
  std::string peer() { return socket_.peer(); }

 private:
  boost::asio::awaitable<void> fill(std::string& bytes);
  bool may_go_on() const;

  Socket& socket_;
  boost::beast::flat_buffer& buffer_;
  const Limits& limits_;
  Places& large_;
  Places::Place large_place_;
  boost::beast::http::request_parser<boost::beast::http::buffer_body> parser_;
  Request request_;
  std::vector<Header> common_;
  bool continued_ = false;
  bool begun_ = false;
  bool last_ = false;
  bool keeps_alive_ = false;
};

}  // namespace hooke::gateway
