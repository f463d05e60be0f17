#include "server/access/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hooke::access {
namespace {

using testing::HasSubstr;

constexpr const char* kToken = "0123456789abcdef0123456789abcdef";
constexpr const char* kGetRun = "/hooke.v1.ExperimentService/GetRun";

void refused(const Access& access, const std::string& method, const std::string& authorization, Code code,
             const std::string& why) {
  SCOPED_TRACE(method + " with '" + authorization + "'");
  try {
    access.check(method, authorization);
    ADD_FAILURE() << "was let in";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    EXPECT_THAT(error.what(), HasSubstr(why));
  }
}

TEST(Access, TheRightTokenIsLetIn) {
  const Access access{kToken};
  EXPECT_EQ(access.check(kGetRun, std::string("Bearer ") + kToken).owner, "admin");
  EXPECT_EQ(access.check(kGetRun, std::string("bearer ") + kToken).role, storage::Role::kAdmin);
}

TEST(Access, EverythingElseIsRefusedWithAHint) {
  const Access access{kToken};
  for (const std::string& shown :
       {std::string(), std::string("Bearer"), std::string("Bearer "), std::string("Basic ") + kToken,
        std::string(kToken), std::string("Bearer") + kToken}) {
    refused(access, kGetRun, shown, Code::kUnauthenticated, "asks for a token");
  }
  for (const std::string& shown : {std::string("Bearer x"), std::string("Bearer ") + kToken + "0",
                                   std::string("Bearer  ") + kToken, std::string("Bearer ") + kToken + " "}) {
    refused(access, kGetRun, shown, Code::kUnauthenticated, "not valid");
    refused(access, kGetRun, shown, Code::kUnauthenticated, "HOOKE_TOKEN_FILE");
  }
}

TEST(Access, HealthNeedsNoToken) {
  EXPECT_NO_THROW(Access{kToken}.check("/grpc.health.v1.Health/Check", ""));
}

TEST(Access, AMethodThatIsNotInTheTableIsOpenToNoOne) {
  const std::string authorization = std::string("Bearer ") + kToken;
  refused(Access{kToken}, "/hooke.v1.QueryService/Nothing", authorization, Code::kPermissionDenied, "no one");
  refused(Access{std::nullopt}, "", "", Code::kPermissionDenied, "no one");
}

TEST(Access, WithoutTokensEveryoneIsLetIn) {
  const Access access{std::nullopt};
  EXPECT_FALSE(access.asks_for_tokens());
  EXPECT_EQ(access.check(kGetRun, "").role, storage::Role::kAdmin);
}

}  // namespace
}  // namespace hooke::access
