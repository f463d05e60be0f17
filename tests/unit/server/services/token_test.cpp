// Every method on the wire, without a token and with one.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>

#include "hooke_version.h"
#include "server/access/methods.h"
#include "server/storage/digest.h"
#include "tests/unit/server/services/house.h"

namespace hooke::services {
namespace {

using grpc::StatusCode;
using testing::HasSubstr;

// Calls a method with one empty message, whatever its kind, and returns how it ended.
grpc::Status call(House& house, const std::string& method, Context& context) {
  grpc::GenericStub stub(house.channel());
  grpc::CompletionQueue queue;
  const auto wait = [&] {
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    return ok;
  };
  auto stream = stub.PrepareCall(&context, method, &queue);
  stream->StartCall(nullptr);
  wait();
  const grpc::Slice nothing;
  stream->WriteLast(grpc::ByteBuffer(&nothing, 1), grpc::WriteOptions(), nullptr);
  wait();
  grpc::ByteBuffer answer;
  do stream->Read(&answer, nullptr);
  while (wait());
  grpc::Status status;
  stream->Finish(&status, nullptr);
  wait();
  return status;
}

class Tokens : public testing::Test {
 protected:
  static void SetUpTestSuite() { house_ = new House(/*auth=*/true); }
  static void TearDownTestSuite() {
    delete house_;
    house_ = nullptr;
  }
  static House* house_;
};
House* Tokens::house_ = nullptr;

TEST_F(Tokens, EveryMethodButHealthAsksForOne) {
  for (const auto& method : access::methods()) {
    if (!method.role) continue;
    SCOPED_TRACE(std::string(method.name));
    Context without, wrong("0123456789abcdef0123456789abcdef");
    const auto none = call(*house_, std::string(method.name), without);
    EXPECT_EQ(none.error_code(), StatusCode::UNAUTHENTICATED) << none.error_message();
    EXPECT_THAT(none.error_message(), HasSubstr("HOOKE_TOKEN"));
    EXPECT_EQ(call(*house_, std::string(method.name), wrong).error_code(), StatusCode::UNAUTHENTICATED);
  }
}

TEST_F(Tokens, WithOneEveryMethodIsServedAndSaysItsVersion) {
  for (const auto& method : access::methods()) {
    if (method.name.ends_with("Health/Watch")) continue;  // never ends
    SCOPED_TRACE(std::string(method.name));
    Context context(house_->token());
    const auto status = call(*house_, std::string(method.name), context);
    EXPECT_THAT(status.error_code(),
                testing::AnyOf(StatusCode::OK, StatusCode::INVALID_ARGUMENT, StatusCode::FAILED_PRECONDITION))
        << status.error_message();
    const auto& metadata = context.GetServerInitialMetadata();
    const auto version = metadata.find("hooke-version");
    ASSERT_NE(version, metadata.end());
    EXPECT_EQ(std::string(version->second.data(), version->second.size()), kVersion);
  }
}

TEST_F(Tokens, HealthIsOpen) {
  Context context;
  EXPECT_TRUE(call(*house_, "/grpc.health.v1.Health/Check", context).ok());
}

TEST_F(Tokens, TheCallerIsTold) {
  Context context(house_->token());
  v1::WhoAmIResponse response;
  ASSERT_TRUE(house_->access->WhoAmI(&context, {}, &response).ok());
  EXPECT_EQ(response.owner(), "admin");
  EXPECT_EQ(response.role(), v1::ROLE_ADMIN);
}

v1::CreateTokenResponse make(House& house, const std::string& owner, v1::Role role) {
  Context context(house.token());
  v1::CreateTokenRequest request;
  request.set_owner(owner);
  request.set_role(role);
  v1::CreateTokenResponse response;
  const auto status = house.access->CreateToken(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

grpc::Status who(House& house, const std::string& token) {
  Context context(token);
  v1::WhoAmIResponse response;
  return house.access->WhoAmI(&context, {}, &response);
}

TEST_F(Tokens, EachRoleMayCallWhatTheTableSaysAndNothingElse) {
  for (const auto role : {v1::ROLE_READ, v1::ROLE_WORKER, v1::ROLE_SUBMIT, v1::ROLE_ADMIN}) {
    const std::string secret = make(*house_, "ada", role).secret();
    for (const auto& method : access::methods()) {
      if (!method.role) continue;
      SCOPED_TRACE(v1::Role_Name(role) + " " + std::string(method.name));
      Context context(secret);
      const auto status = call(*house_, std::string(method.name), context);
      EXPECT_NE(status.error_code(), StatusCode::UNAUTHENTICATED) << status.error_message();
      const bool allowed = access::allows(method, static_cast<storage::Role>(role));
      EXPECT_EQ(status.error_code() == StatusCode::PERMISSION_DENIED, !allowed) << status.error_message();
    }
  }
}

TEST_F(Tokens, ASecretIsShownOnceAndNowhereStored) {
  const auto made = make(*house_, "ada@lab", v1::ROLE_READ);
  EXPECT_THAT(made.secret(), testing::MatchesRegex("hooke_[0-9a-f]{64}"));
  EXPECT_NE(make(*house_, "ada@lab", v1::ROLE_READ).secret(), made.secret());
  Context context(house_->token());
  v1::ListTokensRequest request;
  request.set_page_size(1000);
  v1::ListTokensResponse list;
  ASSERT_TRUE(house_->access->ListTokens(&context, request, &list).ok());
  const auto found = std::find_if(list.tokens().begin(), list.tokens().end(),
                                  [&](const v1::Token& one) { return one.name() == made.token().name(); });
  ASSERT_NE(found, list.tokens().end());
  EXPECT_EQ(found->owner(), "ada@lab");
  EXPECT_EQ(list.SerializeAsString().find(made.secret()), std::string::npos);
  // Only its hash is on disk.
  std::string disk;
  for (const char* end : {"", "-wal"}) {
    std::ifstream in(house_->database().string() + end, std::ios::binary);
    disk.append(std::istreambuf_iterator<char>(in), {});
  }
  EXPECT_EQ(disk.find(made.secret().substr(6)), std::string::npos);
  EXPECT_NE(disk.find(storage::sha256(made.secret())), std::string::npos);
}

TEST_F(Tokens, ARevokedOneIsRefusedAtTheNextCall) {
  const auto made = make(*house_, "ada", v1::ROLE_READ);
  EXPECT_TRUE(who(*house_, made.secret()).ok());
  v1::RevokeTokenRequest request;
  request.set_name(made.token().name());
  v1::Token first, second;
  Context one(house_->token()), two(house_->token());
  ASSERT_TRUE(house_->access->RevokeToken(&one, request, &first).ok());
  EXPECT_TRUE(first.has_revoke_time());
  const auto refused = who(*house_, made.secret());
  EXPECT_EQ(refused.error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(refused.error_message(), HasSubstr("was revoked"));
  ASSERT_TRUE(house_->access->RevokeToken(&two, request, &second).ok()) << "a second time is no error";
  EXPECT_EQ(second.revoke_time().seconds(), first.revoke_time().seconds());
}

TEST_F(Tokens, AWorkersTokenMayAskWhoItIs) {
  Context context(make(*house_, "node", v1::ROLE_WORKER).secret());
  v1::WhoAmIResponse response;
  const auto status = house_->access->WhoAmI(&context, {}, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.owner(), "node");
  EXPECT_EQ(response.role(), v1::ROLE_WORKER);
}

TEST_F(Tokens, BadInputIsRefusedWithTheFieldAndMakesNothing) {
  const auto refusal = [&](const std::string& owner, int role, const google::protobuf::Timestamp* end) {
    Context context(house_->token());
    v1::CreateTokenRequest request;
    request.set_owner(owner);
    request.set_role(static_cast<v1::Role>(role));
    if (end != nullptr) *request.mutable_expire_time() = *end;
    v1::CreateTokenResponse response;
    const auto status = house_->access->CreateToken(&context, request, &response);
    EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
    return status.error_message();
  };
  const auto count = [&] {
    Context context(house_->token());
    v1::ListTokensRequest request;
    request.set_page_size(1000);
    v1::ListTokensResponse list;
    EXPECT_TRUE(house_->access->ListTokens(&context, request, &list).ok());
    return list.tokens_size();
  };
  const auto before = count();
  EXPECT_THAT(refusal("", v1::ROLE_READ, nullptr), HasSubstr("owner"));
  EXPECT_THAT(refusal("a b", v1::ROLE_READ, nullptr), HasSubstr("'a b'"));
  EXPECT_THAT(refusal("\x1b[2J", v1::ROLE_READ, nullptr), HasSubstr("owner"));
  EXPECT_THAT(refusal(std::string(101, 'a'), v1::ROLE_READ, nullptr), HasSubstr("1 to 100"));
  EXPECT_THAT(refusal("admin", v1::ROLE_READ, nullptr), HasSubstr("another name"));
  EXPECT_THAT(refusal("ada", v1::ROLE_UNSPECIFIED, nullptr), HasSubstr("role"));
  EXPECT_THAT(refusal("ada", 9, nullptr), HasSubstr("role"));
  google::protobuf::Timestamp past;
  past.set_seconds(1);
  EXPECT_THAT(refusal("ada", v1::ROLE_READ, &past), HasSubstr("has passed"));
  google::protobuf::Timestamp never;
  never.set_seconds(std::numeric_limits<std::int64_t>::max());
  EXPECT_THAT(refusal("ada", v1::ROLE_READ, &never), HasSubstr("9999"));
  EXPECT_EQ(count(), before);
  for (const std::string name : {"", "tokens/", "runs/x", "0123"}) {
    Context context(house_->token());
    v1::RevokeTokenRequest request;
    request.set_name(name);
    v1::Token token;
    EXPECT_EQ(house_->access->RevokeToken(&context, request, &token).error_code(),
              StatusCode::INVALID_ARGUMENT);
  }
  Context context(house_->token());
  v1::RevokeTokenRequest request;
  request.set_name("tokens/nobody");
  v1::Token token;
  EXPECT_EQ(house_->access->RevokeToken(&context, request, &token).error_code(), StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace hooke::services
