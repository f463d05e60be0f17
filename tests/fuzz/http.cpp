// The HTTP port of a whole server: one connection, bytes in one piece or two, then the peer's end.
#include <arpa/inet.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cctype>

#include "tests/fuzz/target.h"
#include "tests/unit/server/services/house.h"

using namespace hooke;

namespace {

constexpr int kPatienceMs = 300;

int connect_to(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  fuzz::check(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0,
              "the server does not listen any more");
  return fd;
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // it has answered and closed
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

// Until the server ends the connection, or says nothing for a while, as streams do.
std::string read_all(int fd) {
  std::string answer;
  char buffer[16 << 10];
  pollfd ready{fd, POLLIN, 0};
  while (::poll(&ready, 1, kPatienceMs) > 0) {
    const ssize_t got = ::recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) break;
    answer.append(buffer, static_cast<std::size_t>(got));
  }
  return answer;
}

// Whatever was asked, the answer is HTTP, and no fault of the server's.
void check_answer(const std::string& answer) {
  if (answer.empty()) return;
  const std::string_view status = std::string_view(answer).substr(0, 12);
  fuzz::check(status.starts_with("HTTP/1.1 ") && status.size() == 12, "the answer is not HTTP");
  fuzz::check(status.substr(9) != "500", "the server failed: " + answer);
}

}  // namespace

// The first byte is where the bytes are cut in two; the port's own "HOST" in them is this server's.
void fuzz::one_input(Input input) {
  static const bool quiet = (spdlog::set_level(spdlog::level::off), true);
  static services::House house;
  (void)quiet;
  const std::size_t cut = input.byte() * 4;
  const std::string_view bytes = input.rest();
  const int fd = connect_to(house.app().http_port());
  send_all(fd, bytes.substr(0, std::min(cut, bytes.size())));
  if (cut < bytes.size()) send_all(fd, bytes.substr(cut));
  ::shutdown(fd, SHUT_WR);
  const std::string answer = read_all(fd);
  ::close(fd);
  check_answer(answer);
}
