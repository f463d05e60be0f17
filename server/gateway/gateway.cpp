#include "server/gateway/gateway.h"

#include <httplib.h>

#include <chrono>
#include <thread>

#include "hooke_version.h"
#include "proto/hooke/channel.h"
#include "proto/hooke/error.h"

namespace hooke::gateway {
namespace {

constexpr std::size_t kThreads = 2;
constexpr int kTimeoutSeconds = 5;
constexpr std::size_t kMostKeptAlive = 10;
constexpr std::size_t kMostBodyBytes = 64 << 10;

}  // namespace

class Gateway::Impl {
 public:
  explicit Impl(GatewayOptions options) : options_(std::move(options)) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
    server_.set_read_timeout(kTimeoutSeconds);
    server_.set_write_timeout(kTimeoutSeconds);
    server_.set_keep_alive_timeout(1);
    server_.set_keep_alive_max_count(kMostKeptAlive);
    server_.set_payload_max_length(kMostBodyBytes);
    server_.set_default_headers({{kVersionKey, kVersion}});
    server_.Get("/healthz",
                [this](const httplib::Request&, httplib::Response& response) { health(response); });
    // One process owns the port: the library would share it with another that asks for the same.
    server_.set_socket_options([](socket_t socket) {
      const int on = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    });
    port_ = options_.port == 0 ? server_.bind_to_any_port(options_.address)
                               : (server_.bind_to_port(options_.address, options_.port) ? options_.port : -1);
    if (port_ <= 0)
      throw Error(Code::kUnavailable,
                  "cannot listen on " + options_.address + ":" + std::to_string(options_.port) +
                      " for HTTP; the port is taken or the address is not this machine's");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    // The socket listens since it was bound; stop() needs the loop to have begun.
    while (!server_.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  ~Impl() { stop(); }

  int port() const { return port_; }

  void stop() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void health(httplib::Response& response) {
    try {
      options_.check();
      response.set_content("ok\n", "text/plain");
    } catch (const std::exception&) {
      response.status = 503;
      response.set_content("the database does not answer\n", "text/plain");
    }
  }

  const GatewayOptions options_;
  httplib::Server server_;
  std::thread thread_;
  int port_ = 0;
};

Gateway::Gateway(GatewayOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Gateway::~Gateway() = default;
int Gateway::port() const {
  return impl_->port();
}
void Gateway::stop() {
  impl_->stop();
}

}  // namespace hooke::gateway
