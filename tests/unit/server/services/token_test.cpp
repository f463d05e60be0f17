// Every method on the wire, without a token and with one.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include "hooke_version.h"
#include "server/access/methods.h"
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
                testing::AnyOf(StatusCode::OK, StatusCode::INVALID_ARGUMENT, StatusCode::UNIMPLEMENTED,
                               StatusCode::FAILED_PRECONDITION))
        << status.error_message();
    if (status.error_code() == StatusCode::UNIMPLEMENTED) {
      EXPECT_THAT(status.error_message(), HasSubstr("will")) << "says what will come";
    }
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

}  // namespace
}  // namespace hooke::services
