#include "server/gateway/connection.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "hooke_version.h"
#include "server/gateway/metrics.h"
#include "server/gateway/site.h"

namespace hooke::gateway {
namespace {

namespace net = boost::asio;

// Every answer: nothing from elsewhere runs in the app's pages, and no page of others may frame them.
const std::vector<Header> kSecurity = {
    {"Content-Security-Policy",
     "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cache-Control", "no-store"},
    {kVersionKey, kVersion}};

constexpr std::string_view kPackage = "/hooke.";
constexpr std::chrono::seconds kLinger{2};
constexpr std::size_t kMostLingered = 1 << 20;

// The answer to a browser that asks whether a page of another site may call.
Response preflight(const Request& request, const std::optional<std::string>& origin) {
  if (!origin || !request.find("access-control-request-method"))
    throw Refused(405, Code::kUnimplemented, "OPTIONS is for pages of sites named by --http-allow-origin",
                  {{"Allow", "GET, HEAD, POST"}});
  return {
      204,
      {{"Access-Control-Allow-Methods", "GET, POST"},
       {"Access-Control-Allow-Headers",
        "authorization, content-type, connect-protocol-version, connect-timeout-ms, connect-accept-encoding, "
        "connect-content-encoding"},
       {"Access-Control-Max-Age", "7200"}},
      {}};
}

Response health(bool good) {
  return {
      good ? 200 : 503, {{"Content-Type", "text/plain"}}, good ? "ok\n" : "the database does not answer\n"};
}

}  // namespace

Connection::Connection(net::ip::tcp::socket socket, const std::shared_ptr<net::ssl::context>& tls,
                       Shared shared, Places::Place place)
    : socket_(std::move(socket), tls),
      shared_(shared),
      place_(std::move(place)),
      buffer_(2 * shared.limits.head_bytes) {}

void Connection::start() {
  net::co_spawn(
      socket_.get_executor(), [self = shared_from_this()] { return self->run(); }, net::detached);
}

void Connection::stop(bool now) {
  net::post(socket_.get_executor(), [self = shared_from_this(), now] {
    self->stopping_ = true;
    if (now || self->idle_) self->socket_.close();
  });
}

net::awaitable<void> Connection::run() {
  try {
    socket_.expires_after(shared_.limits.handshake);
    co_await socket_.handshake();
    while (co_await serve_one()) {
    }
    co_await linger();
  } catch (const std::exception&) {
    // The peer is gone, or too slow.
  }
  socket_.close();
}

net::awaitable<bool> Connection::serve_one() {
  Exchange exchange(socket_, buffer_, shared_.limits, shared_.large);
  std::optional<Response> refused;
  exchange.set_common(kSecurity);
  try {
    idle_ = true;
    const bool asked = !stopping_ && co_await exchange.read_head();
    idle_ = false;
    if (!asked) co_return false;
    co_await answer(exchange);
  } catch (const Error& error) {
    refused = refusal(error);
  }
  if (refused) co_await exchange.respond(std::move(*refused));
  co_return exchange.keeps_alive() && !stopping_;
}

net::awaitable<void> Connection::answer(Exchange& exchange) {
  const Request& request = exchange.request();
  shared_.guard.check(request);
  const auto origin = shared_.guard.allowed_origin(request);
  if (origin) {
    auto common = kSecurity;
    common.push_back({"Access-Control-Allow-Origin", *origin});
    common.push_back({"Vary", "Origin"});
    exchange.set_common(std::move(common));
  }
  if (request.method == "OPTIONS") co_return co_await exchange.respond(preflight(request, origin));
  if (request.path == "/healthz") {
    const bool good = co_await database_answers();
    co_return co_await exchange.respond(health(good));
  }
  if (request.path == "/metrics")
    co_return co_await serve_metrics(exchange, shared_.calls, shared_.connections.taken(),
                                     shared_.more_metrics);
  if (const auto* method = find_method(request.path))
    co_return co_await serve_call(exchange, shared_.calls, method);
  if (request.path.starts_with(kPackage))
    throw Refused(404, Code::kUnimplemented, "there is no method " + request.path + " over HTTP");
  co_await exchange.respond(serve_file(request, web::files()));
}

net::awaitable<bool> Connection::database_answers() {
  // The database may make who asks wait.
  return net::co_spawn(
      shared_.pool,
      [this]() -> net::awaitable<bool> {
        try {
          shared_.check();
          co_return true;
        } catch (const std::exception&) {
          co_return false;
        }
      },
      net::use_awaitable);
}

// A connection that is closed while the peer still sends loses the answer: wait until it has read it.
net::awaitable<void> Connection::linger() {
  socket_.expires_after(kLinger);
  co_await socket_.shutdown();
  for (std::size_t count = 0; count < kMostLingered;) {
    buffer_.clear();
    boost::system::error_code error;
    count += co_await socket_.async_read_some(buffer_.prepare(shared_.limits.head_bytes),
                                              net::redirect_error(net::use_awaitable, error));
    if (error) co_return;
  }
}

}  // namespace hooke::gateway
