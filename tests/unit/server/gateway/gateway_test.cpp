#include "server/gateway/gateway.h"

#include <gtest/gtest.h>
#include <httplib.h>

#include "proto/hooke/error.h"

namespace hooke::gateway {
namespace {

TEST(Gateway, HealthIsOkWhileTheDatabaseAnswers) {
  bool answers = true;
  Gateway gateway({"127.0.0.1", 0, [&] {
                     if (!answers) throw Error(Code::kUnavailable, "secret details");
                   }});
  httplib::Client client("127.0.0.1", gateway.port());
  const auto good = client.Get("/healthz");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->status, 200);
  EXPECT_EQ(good->body, "ok\n");
  answers = false;
  const auto bad = client.Get("/healthz");
  ASSERT_TRUE(bad);
  EXPECT_EQ(bad->status, 503);
  EXPECT_EQ(bad->body.find("secret"), std::string::npos);
}

TEST(Gateway, NothingElseIsThere) {
  Gateway gateway({"127.0.0.1", 0, [] {}});
  httplib::Client client("127.0.0.1", gateway.port());
  for (const char* path : {"/", "/metrics", "/healthz/x"}) EXPECT_EQ(client.Get(path)->status, 404) << path;
}

TEST(Gateway, APortThatIsTakenIsAnError) {
  Gateway first({"127.0.0.1", 0, [] {}});
  EXPECT_THROW(Gateway({"127.0.0.1", first.port(), [] {}}), Error);
}

TEST(Gateway, StoppingTwiceIsFine) {
  Gateway gateway({"127.0.0.1", 0, [] {}});
  gateway.stop();
  gateway.stop();
}

}  // namespace
}  // namespace hooke::gateway
