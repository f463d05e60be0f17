// Calls: token, retries, hints, versions, health.
#include "client/sdk/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "hooke/v1/admin.grpc.pb.h"
#include "hooke/v1/worker.grpc.pb.h"
#include "hooke_version.h"
#include "tests/unit/client/fake_server.h"

namespace hooke::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using Stub = v1::AdminService::Stub;

class ConnectionTest : public testing::Test {
 protected:
  sdk::Endpoint endpoint(const std::string& token = "") {
    sdk::Endpoint to;
    to.address = server_.address();
    to.token = token;
    to.token_origin = token.empty() ? "" : "the test";
    return to;
  }

  // The code that a call ends with; 0 for success.
  int call(sdk::Connection& connection, const sdk::CallOptions& options = {}) {
    Stub stub(connection.channel());
    try {
      connection.call(stub, &Stub::GetStatistics, v1::GetStatisticsRequest(), options);
      return 0;
    } catch (const Error& error) {
      message_ = error.what();
      return static_cast<int>(error.code());
    }
  }

  FakeServer server_{Script()};
  std::string message_;
};

constexpr int kUnavailable = static_cast<int>(Code::kUnavailable);
constexpr int kUnauthenticated = static_cast<int>(Code::kUnauthenticated);

TEST_F(ConnectionTest, AnIdempotentCallIsTriedAgainUntilItIsAnswered) {
  server_.change([](Script& script) { script.unavailable = 3; });
  sdk::Connection connection(endpoint());
  EXPECT_EQ(call(connection), 0) << message_;
  EXPECT_EQ(server_.script().calls, 4);
}

TEST_F(ConnectionTest, AnotherCallIsMadeOnce) {
  server_.change([](Script& script) { script.unavailable = 1; });
  sdk::Connection connection(endpoint());
  EXPECT_EQ(call(connection, {.idempotent = false}), kUnavailable);
  EXPECT_EQ(server_.script().calls, 1);
}

TEST_F(ConnectionTest, TriesEndAndTheErrorNamesTheAddressAndWhatToDo) {
  server_.change([](Script& script) { script.unavailable = 1000; });
  sdk::Connection connection(endpoint());
  EXPECT_EQ(call(connection, {.retry_for = milliseconds(250)}), kUnavailable);
  EXPECT_GT(server_.script().calls, 1);
  EXPECT_LT(server_.script().calls, 10) << "pauses grow";
  EXPECT_THAT(message_, HasSubstr(server_.address()));
  EXPECT_THAT(message_, HasSubstr("hooke up"));
}

TEST_F(ConnectionTest, ACallMeetsAServerThatIsStillStarting) {
  sdk::Connection connection(endpoint());
  ASSERT_EQ(call(connection), 0);
  server_.stop();
  EXPECT_EQ(call(connection, {.idempotent = false}), kUnavailable);
  server_.start();
  EXPECT_EQ(call(connection), 0) << message_;
}

TEST_F(ConnectionTest, TheTokenTravelsWithEveryCall) {
  server_.change([](Script& script) { script.token = "secret"; });
  sdk::Connection right(endpoint("secret"));
  EXPECT_EQ(call(right), 0) << message_;
  sdk::Connection wrong(endpoint("other"));
  EXPECT_EQ(call(wrong), kUnauthenticated);
  EXPECT_THAT(message_, HasSubstr("the test"));
  EXPECT_THAT(message_, testing::Not(HasSubstr("other"))) << "a token is never printed";
  sdk::Connection none(endpoint());
  EXPECT_EQ(call(none), kUnauthenticated);
  EXPECT_THAT(message_, HasSubstr("HOOKE_TOKEN_FILE"));
}

TEST_F(ConnectionTest, PlainTextToAnotherHostIsRefusedWhoeverAsks) {
  sdk::Endpoint remote;
  remote.address = "192.0.2.1:7070";
  remote.token = "secret";
  EXPECT_THROW(sdk::Connection{remote}, Error);
}

TEST_F(ConnectionTest, AnotherMajorVersionIsToldOnce) {
  std::vector<std::string> notices;
  const auto listen = [&](const std::string& text) { notices.push_back(text); };
  sdk::Connection same(endpoint(), listen);
  call(same);
  EXPECT_TRUE(notices.empty());
  server_.change([](Script& script) { script.version = "7.1.0"; });
  sdk::Connection connection(endpoint(), listen);
  call(connection);
  call(connection);
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_THAT(notices[0], HasSubstr("7.1.0"));
}

TEST_F(ConnectionTest, ACallThatTheServerLacksIsToldWithItsVersion) {
  server_.change([](Script& script) { script.version = "0.0.3"; });
  sdk::Connection connection(endpoint());
  const auto lacking =
      v1::WorkerService::NewStub(connection.channel());  // the fake server has no such service
  const auto complaint = [&] {
    try {
      connection.call(*lacking, &v1::WorkerService::Stub::Heartbeat, v1::HeartbeatRequest());
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kUnimplemented);
      return std::string(error.what());
    }
    return std::string("it was answered");
  };
  EXPECT_THAT(complaint(), HasSubstr("does not know this call; it is of another version, this program is " +
                                     std::string(kVersion)));
  call(connection);
  EXPECT_THAT(complaint(), HasSubstr("the server at " + server_.address() +
                                     " does not know this call; it is version 0.0.3, this program is"));
}

TEST_F(ConnectionTest, HealthIsOfAServerThatServes) {
  sdk::Connection connection(endpoint());
  EXPECT_TRUE(connection.healthy(milliseconds(3000)));
  server_.stop();
  EXPECT_FALSE(connection.healthy(milliseconds(300)));
}

// Accepts one connection, shakes hands late (an HTTP/2 settings frame), and never answers a call.
class SlowListener {
 public:
  explicit SlowListener(milliseconds pause) : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listener_, 8);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, pause] {
      const int peer = ::accept(listener_, nullptr, nullptr);
      std::this_thread::sleep_for(pause);
      const char settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
      ::send(peer, settings, sizeof settings, MSG_NOSIGNAL);
      for (char byte; ::recv(peer, &byte, 1, 0) > 0;) {
      }
      ::close(peer);
    });
  }
  // REQUIRES: the client has gone.
  ~SlowListener() {
    thread_.join();
    ::close(listener_);
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  int listener_;
  int port_ = 0;
  std::thread thread_;
};

TEST_F(ConnectionTest, AHandshakeMayTakeItsTime) {
  SlowListener slow(milliseconds(600));
  sdk::Endpoint to;
  to.address = slow.address();
  sdk::Connection connection(to);
  // Connected, then unanswered: a connection given up would be UNAVAILABLE.
  EXPECT_EQ(call(connection, {.deadline = milliseconds(1500), .idempotent = false}),
            static_cast<int>(Code::kDeadlineExceeded))
      << message_;
}

}  // namespace
}  // namespace hooke::test
