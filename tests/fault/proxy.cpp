#include "tests/fault/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

namespace hooke::fault {
namespace {

constexpr int kPollMs = 20;
constexpr std::size_t kPiece = 16 * 1024;
constexpr std::size_t kTrickled = 100;

class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) {
    if (descriptor_ < 0) throw std::runtime_error(std::string("a socket: ") + std::strerror(errno));
  }
  ~Socket() { ::close(descriptor_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int get() const { return descriptor_; }

 private:
  const int descriptor_;
};

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool send_all(int to, const char* bytes, std::size_t count) {
  while (count > 0) {
    const ssize_t sent = ::send(to, bytes, count, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes += sent;
    count -= static_cast<std::size_t>(sent);
  }
  return true;
}

// Drops what has come; false at its end.
bool drain(int from) {
  std::array<char, kPiece> dropped{};
  return ::recv(from, dropped.data(), dropped.size(), 0) > 0;
}

// One direction of a connection.
struct Direction {
  int from, to;
  int twin = -1;  // gets the same bytes
  bool open = true;
};

// Moves pieces between two sockets until a fault or an end closes them.
class Connection {
 public:
  Connection(const Weather& weather, unsigned seed, std::atomic<std::int64_t>& faults)
      : weather_(weather), random_(seed), faults_(faults) {}

  // False when the connection is to be closed.
  bool pass(Direction& direction) {
    const ssize_t got = ::recv(direction.from, piece_.data(), piece_.size(), 0);
    if (got <= 0) {
      end(direction);
      return got == 0;
    }
    const auto count = static_cast<std::size_t>(got);
    if (happens(weather_.cut)) return false;
    if (happens(weather_.delay))
      std::this_thread::sleep_for(weather_.longest_delay * static_cast<int>(random_() % 100) / 100);
    if (happens(weather_.cut_inside)) {
      send_all(direction.to, piece_.data(), count / 2);
      return false;
    }
    std::size_t sent = 0;
    if (happens(weather_.trickle)) {
      while (sent < std::min(count, kTrickled))
        if (!send_all(direction.to, piece_.data() + sent++, 1)) return false;
    }
    if (!send_all(direction.to, piece_.data() + sent, count - sent)) return false;
    if (direction.twin >= 0 && !send_all(direction.twin, piece_.data(), count)) return false;
    if (happens(weather_.repeat) && !send_all(direction.to, piece_.data(), count)) return false;
    if (happens(weather_.half_close)) end(direction);
    return true;
  }

 private:
  bool happens(int one_in) {
    if (one_in == 0 || random_() % static_cast<unsigned>(one_in) != 0) return false;
    ++faults_;
    return true;
  }
  static void end(Direction& direction) {
    direction.open = false;
    ::shutdown(direction.to, SHUT_WR);
  }

  const Weather weather_;
  std::minstd_rand random_;
  std::atomic<std::int64_t>& faults_;
  std::array<char, kPiece> piece_{};
};

}  // namespace

Proxy::Proxy(int target, Weather weather, unsigned seed)
    : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      target_(target),
      weather_(weather),
      seeds_(seed) {
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (listener_ < 0 || ::bind(listener_, any, size) != 0 || ::listen(listener_, 128) != 0 ||
      ::getsockname(listener_, any, &size) != 0)
    throw std::runtime_error(std::string("a proxy's socket: ") + std::strerror(errno));
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { accept_all(); });
}

Proxy::~Proxy() {
  stopping_ = true;
  accepting_.join();
  for (std::thread& thread : threads_) thread.join();
  ::close(listener_);
}

void Proxy::accept_all() {
  while (!stopping_) {
    pollfd waiting{listener_, POLLIN, 0};
    if (::poll(&waiting, 1, kPollMs) <= 0) continue;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    ++connections_;
    threads_.emplace_back([this, client, seed = static_cast<unsigned>(seeds_())] { lead(client, seed); });
  }
}

void Proxy::lead(int client_descriptor, unsigned seed) {
  const Socket client(client_descriptor), server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      twin(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(target_);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (::connect(server.get(), any, sizeof address) != 0) return;
  const bool doubled = weather_.twin != 0 && seed % static_cast<unsigned>(weather_.twin) == 0 &&
                       ::connect(twin.get(), any, sizeof address) == 0;
  if (doubled) ++faults_;
  const int at_once = 1;
  for (const int descriptor : {client.get(), server.get()})
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
  Connection connection(weather_, seed, faults_);
  std::array<Direction, 2> directions{Direction{client.get(), server.get(), doubled ? twin.get() : -1},
                                      Direction{server.get(), client.get()}};
  while (!stopping_ && (directions[0].open || directions[1].open)) {
    std::array<pollfd, 3> waiting{};
    waiting[2] = {doubled ? twin.get() : -1, POLLIN, 0};
    for (std::size_t i = 0; i < directions.size(); ++i)
      waiting[i] = {directions[i].open ? directions[i].from : -1, POLLIN, 0};
    ::poll(waiting.data(), waiting.size(), kPollMs);
    if (waiting[2].revents != 0 && !drain(twin.get())) return;
    for (std::size_t i = 0; i < directions.size(); ++i)
      if (waiting[i].revents != 0 && !connection.pass(directions[i])) return;
  }
}

}  // namespace hooke::fault
