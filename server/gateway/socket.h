// A TCP connection, with or without TLS, as one stream. Every operation ends by the deadline that was
// set last: the connection is closed then.
#pragma once

#include "server/gateway/asio.h"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace hooke::gateway {

class Socket {
 public:
  using executor_type = boost::beast::tcp_stream::executor_type;

  // Without `tls`, plain.
  Socket(boost::asio::ip::tcp::socket socket, const std::shared_ptr<boost::asio::ssl::context>& tls)
      : tcp_(std::move(socket)) {
    // The stream keeps OpenSSL's part of it alive.
    if (tls) tls_.emplace(tcp_, *tls);
  }
  // The stream of TLS refers to the connection below it.
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  executor_type get_executor() { return tcp_.get_executor(); }
  int descriptor() { return tcp_.socket().native_handle(); }
  // "127.0.0.1:50412"; empty when the peer has gone already.
  std::string peer() {
    boost::system::error_code error;
    const auto endpoint = tcp_.socket().remote_endpoint(error);
    if (error) return {};
    const std::string host = endpoint.address().to_string();
    return (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(endpoint.port());
  }
  void expires_after(std::chrono::steady_clock::duration time) { tcp_.expires_after(time); }

  boost::asio::awaitable<void> handshake() {
    if (tls_)
      co_await tls_->async_handshake(boost::asio::ssl::stream_base::server, boost::asio::use_awaitable);
  }
  // Says that no more is sent; the peer may still be sending.
  boost::asio::awaitable<void> shutdown() {
    boost::system::error_code ignored;
    if (tls_)
      co_await tls_->async_shutdown(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    else
      tcp_.socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  }
  void close() { tcp_.close(); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return tls_ ? tls_->async_read_some(buffers, std::forward<Token>(token))
                : tcp_.async_read_some(buffers, std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return tls_ ? tls_->async_write_some(buffers, std::forward<Token>(token))
                : tcp_.async_write_some(buffers, std::forward<Token>(token));
  }

 private:
  boost::beast::tcp_stream tcp_;
  std::optional<boost::asio::ssl::stream<boost::beast::tcp_stream&>> tls_;
};

}  // namespace hooke::gateway
