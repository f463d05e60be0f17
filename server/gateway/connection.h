// One connection: its requests, one after the other, each to what answers it.
//
// Runs as a coroutine on a strand of its own.
#pragma once

#include "server/gateway/asio.h"

#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>

#include "server/gateway/guard.h"
#include "server/gateway/rpc.h"

namespace hooke::gateway {

// What connections share. Outlives them.
struct Shared {
  const Limits& limits;
  const Guard& guard;
  Calls& calls;
  Places& large;
  const Places& connections;
  const std::function<void()>& check;  // throws when the database does not answer
  const std::function<std::string()>& more_metrics;
  boost::asio::thread_pool& pool;  // for what blocks
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // Without `tls`, plain.
  Connection(boost::asio::ip::tcp::socket socket, const std::shared_ptr<boost::asio::ssl::context>& tls,
             Shared shared, Places::Place place);

  // Begins; it lives until its peer or stop() ends it.
  void start();
  // By any thread: ends after the answer that is being given; at once when `now`.
  void stop(bool now);

 private:
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<bool> serve_one();
  boost::asio::awaitable<void> answer(Exchange& exchange);
  boost::asio::awaitable<bool> database_answers();
  boost::asio::awaitable<void> linger();

  Socket socket_;
  Shared shared_;
  Places::Place place_;
  boost::beast::flat_buffer buffer_;
  bool idle_ = false;
  bool stopping_ = false;
};

}  // namespace hooke::gateway
