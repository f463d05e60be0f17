#include "server/gateway/gateway.h"

#include <netinet/tcp.h>

#include "server/gateway/asio.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <list>
#include <mutex>
#include <thread>

#include "proto/hooke/error.h"
#include "server/gateway/connection.h"

namespace hooke::gateway {
namespace {

namespace net = boost::asio;
using net::ip::tcp;

constexpr int kThreads = 2;
constexpr std::chrono::milliseconds kStopGrace{1'000};
constexpr std::chrono::milliseconds kPoll{5};
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr const char* kFull =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nConnection: close\r\nRetry-After: "
    "1\r\n\r\n"
    "this server has as many connections as it takes; try again\n";

std::shared_ptr<net::ssl::context> tls_of(const std::string& cert, const std::string& key,
                                          const std::string& client_ca) {
  if (cert.empty()) return nullptr;
  auto tls = std::make_shared<net::ssl::context>(net::ssl::context::tls_server);
  try {
    ::SSL_CTX_set_min_proto_version(tls->native_handle(), TLS1_2_VERSION);
    ::SSL_CTX_set_options(tls->native_handle(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // Of TLS 1.2 what gRPC speaks, too: forward secrecy, and encryption that authenticates.
    ::SSL_CTX_set_cipher_list(tls->native_handle(), "ECDHE+AESGCM:ECDHE+CHACHA20");
    tls->use_certificate_chain(net::buffer(cert));
    tls->use_private_key(net::buffer(key), net::ssl::context::pem);
    if (!client_ca.empty()) {
      tls->add_certificate_authority(net::buffer(client_ca));
      tls->set_verify_mode(net::ssl::verify_peer | net::ssl::verify_fail_if_no_peer_cert);
    }
  } catch (const boost::system::system_error& error) {
    throw Error(Code::kFailedPrecondition, "the TLS files do not fit HTTP: " + error.code().message(),
                "--tls-cert");
  }
  return tls;
}

// Notices peers that vanished without a word.
void keep_alive(tcp::socket& socket) {
  boost::system::error_code ignored;
  socket.set_option(net::socket_base::keep_alive(true), ignored);
  socket.set_option(tcp::no_delay(true), ignored);
  const int idle_s = 60, every_s = 15, count = 4;
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof every_s);
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

}  // namespace

class Gateway::Impl {
 public:
  explicit Impl(GatewayOptions options)
      : options_(std::move(options)),
        guard_(options_.address, options_.allow_hosts, options_.allow_origins),
        tls_(tls_of(options_.tls_cert, options_.tls_key, options_.tls_client_ca)),
        calls_(options_.channel, options_.limits),
        connections_(options_.limits.connections),
        large_(options_.limits.large_bodies) {
    listen();
    net::co_spawn(
        strand_, [this] { return accept(); }, net::detached);
    net::co_spawn(
        strand_, [this] { return watch(); }, net::detached);
    for (int i = 0; i < kThreads; ++i) threads_.emplace_back([this] { io_.run(); });
  }

  ~Impl() { stop(); }

  int port() const { return port_; }

  void set_tls(const std::string& cert, const std::string& key, const std::string& client_ca) {
    auto fresh = tls_of(cert, key, client_ca);
    net::post(strand_, [this, fresh = std::move(fresh)] { tls_ = fresh; });
  }

  void stop() {
    if (stopped_.exchange(true)) return;
    net::post(strand_, [this] {
      acceptor_.close();
      timer_.cancel();
    });
    end_connections(false);
    for (auto waited = kPoll * 0; connections_.taken() > 0 && waited < kStopGrace; waited += kPoll)
      std::this_thread::sleep_for(kPoll);
    // What is left ends once its socket is closed and its call cancelled.
    while (connections_.taken() > 0) {
      calls_.watch.cancel_all();
      end_connections(true);
      std::this_thread::sleep_for(kPoll);
    }
    pool_.join();
    work_.reset();
    for (auto& thread : threads_) thread.join();
  }

 private:
  void listen() {
    boost::system::error_code error;
    const auto address =
        net::ip::make_address(options_.address == "localhost" ? "127.0.0.1" : options_.address, error);
    const tcp::endpoint endpoint(address, static_cast<unsigned short>(options_.port));
    if (!error) acceptor_.open(endpoint.protocol(), error);
    // One process owns the port: no SO_REUSEPORT.
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(net::socket_base::max_listen_connections, error);
    if (error)
      throw Error(Code::kUnavailable,
                  "cannot listen on " + options_.address + ":" + std::to_string(options_.port) +
                      " for HTTP; the port is taken or the address is not this machine's (" +
                      error.message() + ")");
    port_ = acceptor_.local_endpoint().port();
  }

  net::awaitable<void> accept() {
    while (!stopped_) {
      boost::system::error_code error;
      tcp::socket socket(net::make_strand(io_));
      co_await acceptor_.async_accept(socket, net::redirect_error(net::use_awaitable, error));
      if (stopped_) co_return;
      if (error) {
        // Out of descriptors, or a peer that was gone at once.
        net::steady_timer pause(io_, kAcceptPause);
        co_await pause.async_wait(net::use_awaitable);
        continue;
      }
      keep_alive(socket);
      auto place = connections_.take();
      if (!place) {
        // Small enough for the socket's buffer.
        if (!tls_) socket.write_some(net::buffer(std::string_view(kFull)), error);
        continue;
      }
      serve(std::move(socket), std::move(place));
    }
  }

  void serve(tcp::socket socket, Places::Place place) {
    const auto connection =
        std::make_shared<Connection>(std::move(socket), tls_,
                                     Shared{options_.limits, guard_, calls_, large_, connections_,
                                            options_.check, options_.more_metrics, pool_},
                                     std::move(place));
    {
      const std::lock_guard lock(mutex_);
      open_.remove_if([](const auto& one) { return one.expired(); });
      open_.push_back(connection);
    }
    connection->start();
  }

  void end_connections(bool now) {
    const std::lock_guard lock(mutex_);
    for (const auto& weak : open_)
      if (const auto connection = weak.lock()) connection->stop(now);
  }

  net::awaitable<void> watch() {
    while (!stopped_) {
      timer_.expires_after(options_.limits.watch);
      boost::system::error_code ignored;
      co_await timer_.async_wait(net::redirect_error(net::use_awaitable, ignored));
      calls_.watch.look();
    }
  }

  const GatewayOptions options_;
  const Guard guard_;
  std::shared_ptr<net::ssl::context> tls_;  // on the strand
  Calls calls_;
  Places connections_, large_;
  net::thread_pool pool_{1};
  net::io_context io_{kThreads};
  net::executor_work_guard<net::io_context::executor_type> work_{io_.get_executor()};
  net::strand<net::io_context::executor_type> strand_{io_.get_executor()};
  tcp::acceptor acceptor_{strand_};
  net::steady_timer timer_{strand_};
  std::vector<std::thread> threads_;
  std::atomic<bool> stopped_ = false;
  int port_ = 0;

  std::mutex mutex_;
  std::list<std::weak_ptr<Connection>> open_ ABSL_GUARDED_BY(mutex_);
};

Gateway::Gateway(GatewayOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Gateway::~Gateway() = default;
int Gateway::port() const {
  return impl_->port();
}
void Gateway::set_tls(const std::string& cert, const std::string& key, const std::string& client_ca) {
  impl_->set_tls(cert, key, client_ca);
}
void Gateway::stop() {
  impl_->stop();
}

}  // namespace hooke::gateway
