// Which hosts and pages are answered.
#include "server/gateway/guard.h"

#include <gtest/gtest.h>

namespace hooke::gateway {
namespace {

// 0: let through; else the status of the refusal.
int status(const Guard& guard, std::vector<Header> headers) {
  Request request;
  request.method = "POST";
  request.headers = std::move(headers);
  try {
    guard.check(request);
    return 0;
  } catch (const Refused& refused) {
    return refused.status();
  }
}
int for_host(const Guard& guard, const std::string& host) {
  return status(guard, {{"host", host}});
}
int for_origin(const Guard& guard, const std::string& origin, const std::string& host = "127.0.0.1:7071") {
  return status(guard, {{"host", host}, {"origin", origin}});
}

TEST(Guard, HostsThatAreThisServersAreAnswered) {
  const Guard guard("127.0.0.1", {"hooke.example.org"}, {});
  for (const char* host : {"127.0.0.1", "127.0.0.1:7071", "localhost:7071", "LOCALHOST", "[::1]:7071",
                           "127.9.9.9", "hooke.example.org", "Hooke.Example.org:443"})
    EXPECT_EQ(for_host(guard, host), 0) << host;
  for (const char* host : {"evil.example", "evil.example:7071", "localhost.evil.example",
                           "127.0.0.1.evil.example", "10.0.0.1", "hooke.example.org.", "xhooke.example.org"})
    EXPECT_EQ(for_host(guard, host), 421) << host;
}

TEST(Guard, MalformedHostsAreRefused) {
  const Guard guard("127.0.0.1", {}, {});
  for (const char* host : {"", " ", "a b", "127.0.0.1:", "127.0.0.1:port", "127.0.0.1:123456", "[::1",
                           "[::1]x", "user@127.0.0.1", "127.0.0.1/path", "localhost\t", "::1"})
    EXPECT_EQ(for_host(guard, host), 400) << host;
  EXPECT_EQ(status(guard, {}), 400) << "no host";
}

TEST(Guard, AServerOnEveryAddressAnswersToNumbersButToNoNames) {
  const Guard guard("0.0.0.0", {}, {});
  EXPECT_EQ(for_host(guard, "10.1.2.3:7071"), 0);
  EXPECT_EQ(for_host(guard, "[fe80::1]:7071"), 0);
  EXPECT_EQ(for_host(guard, "evil.example:7071"), 421);
}

TEST(Guard, PagesOfOtherSitesAreRefused) {
  const Guard guard("127.0.0.1", {}, {"https://lab.example.org"});
  EXPECT_EQ(for_origin(guard, "http://127.0.0.1:7071"), 0);
  EXPECT_EQ(for_origin(guard, "http://localhost", "localhost:80"), 0);
  EXPECT_EQ(for_origin(guard, "https://lab.example.org:443"), 0);
  for (const char* origin : {"http://evil.example", "http://127.0.0.1:7072", "http://127.0.0.1", "null", "",
                             "file://", "https://lab.example.org.evil.example", "http://lab.example.org",
                             "https://lab.example.org:8443", "https://lab.example.org/path"})
    EXPECT_EQ(for_origin(guard, origin), 403) << origin;
}

TEST(Guard, HeadersThatDecideComeOnce) {
  const Guard guard("127.0.0.1", {}, {});
  EXPECT_EQ(status(guard, {{"host", "localhost"}, {"host", "evil.example"}}), 400);
  EXPECT_EQ(status(guard, {{"host", "localhost"}, {"authorization", "a"}, {"authorization", "b"}}), 400);
  EXPECT_EQ(status(guard, {{"host", "localhost"}, {"accept", "a"}, {"accept", "b"}}), 0);
}

TEST(Guard, OptionsThatAreNeitherHostNorOriginAreErrors) {
  EXPECT_THROW(Guard("127.0.0.1", {"https://hooke.example.org"}, {}), Error);
  EXPECT_THROW(Guard("127.0.0.1", {"hooke.example.org:80"}, {}), Error);
  EXPECT_THROW(Guard("127.0.0.1", {}, {"*"}), Error);
  EXPECT_THROW(Guard("127.0.0.1", {}, {"lab.example.org"}), Error);
}

}  // namespace
}  // namespace hooke::gateway
