#include "server/access/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/storage/digest.h"

namespace hooke::access {
namespace {

using testing::HasSubstr;

constexpr const char* kToken = "0123456789abcdef0123456789abcdef";
constexpr const char* kGetRun = "/hooke.v1.ExperimentService/GetRun";

TimeUs time_now = 1'000;
TimeUs now() {
  return time_now;
}

storage::Token token_of(const std::string& id, const std::string& secret, storage::Role role) {
  storage::Token token;
  token.token_id = id;
  token.hash = storage::sha256(secret);
  token.owner = "ada";
  token.role = role;
  return token;
}

void refused(const Access& access, const std::string& method, const std::string& authorization, Code code,
             const std::string& why) {
  SCOPED_TRACE(method + " with '" + authorization + "'");
  try {
    access.check(method, {authorization});
    ADD_FAILURE() << "was let in";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    EXPECT_THAT(error.what(), HasSubstr(why));
  }
}

TEST(Access, TheRightTokenIsLetIn) {
  const Access access{kToken, {}, now};
  EXPECT_EQ(access.check(kGetRun, {std::string("Bearer ") + kToken}).owner, "admin");
  EXPECT_EQ(access.check(kGetRun, {std::string("bearer ") + kToken}).role, storage::Role::kAdmin);
}

TEST(Access, EverythingElseIsRefusedWithAHint) {
  const Access access{kToken, {}, now};
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
  EXPECT_NO_THROW(Access(kToken, {}, now).check("/grpc.health.v1.Health/Check", {}));
}

TEST(Access, AMethodThatIsNotInTheTableIsOpenToNoOne) {
  const std::string authorization = std::string("Bearer ") + kToken;
  refused(Access(kToken, {}, now), "/hooke.v1.QueryService/Nothing", authorization, Code::kPermissionDenied,
          "no one");
  refused(Access(std::nullopt, {}, now), "", "", Code::kPermissionDenied, "no one");
}

TEST(Access, WithoutTokensEveryoneIsLetIn) {
  const Access access{std::nullopt, {}, now};
  EXPECT_FALSE(access.asks_for_tokens());
  EXPECT_EQ(access.check(kGetRun, {}).role, storage::Role::kAdmin);
}

TEST(Access, AStoredTokenAllowsWhatItsRoleDoes) {
  Access access(kToken, {}, now);
  access.put(token_of("one", "secret", storage::Role::kRead));
  EXPECT_EQ(access.check(kGetRun, {"Bearer secret"}).owner, "ada");
  refused(access, "/hooke.v1.AdminService/Backup", "Bearer secret", Code::kPermissionDenied, "needs admin");
  refused(access, kGetRun, "Bearer Secret", Code::kUnauthenticated, "not valid");
  EXPECT_EQ(access.check(kGetRun, {std::string("Bearer ") + kToken}).role, storage::Role::kAdmin);
}

TEST(Access, ATokenEndsWhenItExpiresAndWhenItIsRevoked) {
  Access access(kToken, {}, now);
  auto token = token_of("one", "secret", storage::Role::kRead);
  token.expire_us = 2'000;
  access.put(token);
  time_now = 1'999;
  EXPECT_NO_THROW(access.check(kGetRun, {"Bearer secret"}));
  time_now = 2'000;
  refused(access, kGetRun, "Bearer secret", Code::kUnauthenticated, "has expired");
  time_now = 1'000;
  token.revoke_us = 1'000;
  access.put(token);
  refused(access, kGetRun, "Bearer secret", Code::kUnauthenticated, "was revoked");
}

TEST(Access, ACallThatGoesOnIsRefusedOnceItsTokenHasLostItsRight) {
  Access access(kToken, {{"node", storage::Role::kWorker}}, now);
  auto token = token_of("one", "secret", storage::Role::kRead);
  token.expire_us = 2'000;
  access.put(token);
  time_now = 1'000;
  const Caller reader = access.check(kGetRun, {"Bearer secret"});
  const Caller admin = access.check(kGetRun, {std::string("Bearer ") + kToken});
  const Caller node = access.check("/hooke.v1.WorkerService/Lease", {"", "node", false});
  for (const Caller& caller : {reader, admin, node}) EXPECT_NO_THROW(access.check_again(caller));
  time_now = 2'000;
  EXPECT_THROW(access.check_again(reader), Error) << "expired";
  time_now = 1'000;
  token.revoke_us = 1'000;
  access.put(token);
  EXPECT_THROW(access.check_again(reader), Error) << "revoked";
  access.set_admin_token("another");
  EXPECT_THROW(access.check_again(admin), Error) << "replaced";
  EXPECT_NO_THROW(access.check_again(node));
}

TEST(Access, ANewAdminTokenCountsFromTheNextCallOn) {
  Access access(kToken, {}, now);
  access.set_admin_token("another");
  EXPECT_EQ(access.check(kGetRun, {"Bearer another"}).owner, "admin");
  refused(access, kGetRun, std::string("Bearer ") + kToken, Code::kUnauthenticated, "not valid");
}

TEST(Access, ACertificateCountsOverGrpcAloneAndByItsName) {
  const Access access(kToken, {{"node", storage::Role::kWorker}}, now);
  constexpr const char* kLease = "/hooke.v1.WorkerService/Lease";
  EXPECT_EQ(access.check(kLease, {"", "node", false}).owner, "node");
  // A token says more than a certificate.
  EXPECT_EQ(access.check(kLease, {std::string("Bearer ") + kToken, "node", false}).role,
            storage::Role::kAdmin);
  const auto refusal = [&](const Shown& shown) {
    try {
      access.check(kLease, shown);
      return std::string("was let in");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kUnauthenticated);
      return std::string(error.what());
    }
  };
  EXPECT_THAT(refusal({"", "node", true}), HasSubstr("over HTTP a certificate alone is not enough"));
  EXPECT_THAT(refusal({"", "stranger", false}), HasSubstr("'stranger' was given no role"));
  EXPECT_THAT(refusal({"Bearer wrong", "node", false}), HasSubstr("not valid"));
  EXPECT_THROW(access.check(kGetRun, {"", "node", false}), Error) << "a worker reads nothing";
  const Access any(kToken, {{"*", storage::Role::kRead}}, now);
  EXPECT_EQ(any.check(kGetRun, {"", "stranger", false}).owner, "stranger");
}

}  // namespace
}  // namespace hooke::access
