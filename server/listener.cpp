#include "server/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "proto/hooke/error.h"

namespace hooke {
namespace {

// After an error of accept, as when no descriptor is left.
constexpr int kPauseMs = 50;

// A descriptor that is closed unless it was released.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Addresses resolve(const Address& address) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  const std::string port = std::to_string(address.port);
  if (const int error = ::getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found); error != 0)
    throw Error(Code::kUnavailable, ::gai_strerror(error));
  return {found, &::freeaddrinfo};
}

sockaddr_storage with_port(const addrinfo& at, int port) {
  sockaddr_storage address{};
  std::memcpy(&address, at.ai_addr, at.ai_addrlen);
  const auto number = htons(static_cast<std::uint16_t>(port));
  if (at.ai_family == AF_INET6)
    reinterpret_cast<sockaddr_in6&>(address).sin6_port = number;
  else
    reinterpret_cast<sockaddr_in&>(address).sin_port = number;
  return address;
}

int port_of(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

// Nothing when this machine has no such address, as ::1 of a machine without IPv6.
int listen_at(const addrinfo& at, int port) {
  Descriptor socket(::socket(at.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_storage address = with_port(at, port);
  const int on = 1;
  // No SO_REUSEPORT: one process owns the port.
  if (socket.get() >= 0 && ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), at.ai_addrlen) == 0 &&
      ::listen(socket.get(), SOMAXCONN) == 0)
    return socket.release();
  if (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL) return -1;
  throw Error(Code::kUnavailable, std::strerror(errno));
}

}  // namespace

Listener::Listener(const Address& address, int most)
    : most_(most), wake_(::eventfd(0, EFD_CLOEXEC)), port_(address.port) {
  const auto fail = [&](const std::string& why) {
    stop();
    throw Error(Code::kUnavailable,
                "cannot listen on " + address.text() +
                    " for gRPC; the port is taken or the address is not this machine's (" + why + ")");
  };
  try {
    const Addresses found = resolve(address);
    for (const addrinfo* at = found.get(); at != nullptr; at = at->ai_next) {
      const int socket = listen_at(*at, port_);
      if (socket < 0) continue;
      sockets_.push_back(socket);
      port_ = port_of(socket);
    }
  } catch (const Error& error) {
    fail(error.what());
  }
  if (sockets_.empty()) fail("no such address");
}

Listener::~Listener() {
  stop();
  ::close(wake_);
}

void Listener::start(std::function<void(int)> take) {
  take_ = std::move(take);
  thread_ = std::thread([this] { run(); });
}

void Listener::stop() {
  ::eventfd_write(wake_, 1);
  if (thread_.joinable()) thread_.join();
  for (const int socket : sockets_) ::close(socket);
  sockets_.clear();
}

void Listener::run() {
  std::vector<pollfd> polls{{wake_, POLLIN, 0}};
  for (const int socket : sockets_) polls.push_back({socket, POLLIN, 0});
  for (;;) {
    ::poll(polls.data(), polls.size(), -1);
    if (polls[0].revents != 0) return;
    bool good = true;
    for (auto one = polls.begin() + 1; one != polls.end(); ++one)
      if (one->revents != 0) good &= accept_from(one->fd);
    if (!good) ::poll(polls.data(), 1, kPauseMs);
  }
}

bool Listener::accept_from(int socket) {
  Descriptor connection(::accept4(socket, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (connection.get() < 0) return errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM;
  // The kernel gives the lowest number that is free.
  if (connection.get() >= most_) return true;
  const int on = 1;
  ::setsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  take_(connection.release());
  return true;
}

int raise_descriptor_limit(int enough) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const auto wanted = std::min<rlim_t>(limit.rlim_max, static_cast<rlim_t>(enough));
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = wanted;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
  }
  return static_cast<int>(std::min<rlim_t>(limit.rlim_cur, static_cast<rlim_t>(enough)));
}

}  // namespace hooke
