// What one caller may take: streams that go on without a right to, and messages, heads and streams too many.
#include <gmock/gmock.h>
#include <google/protobuf/util/time_util.h>
#include <gtest/gtest.h>

#include <memory>

#include "proto/hooke/channel.h"
#include "tests/unit/server/services/house.h"

namespace hooke::services {
namespace {

using grpc::StatusCode;
using testing::HasSubstr;

class Limits : public testing::Test {
 protected:
  v1::CreateTokenResponse make(v1::Role role, int seconds = 0) {
    Context context(house_.token());
    v1::CreateTokenRequest request;
    request.set_owner("ada");
    request.set_role(role);
    if (seconds > 0)
      *request.mutable_expire_time() = google::protobuf::util::TimeUtil::GetCurrentTime() +
                                       google::protobuf::util::TimeUtil::SecondsToDuration(seconds);
    v1::CreateTokenResponse response;
    const auto status = house_.access->CreateToken(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  void revoke(const v1::Token& token) {
    Context context(house_.token());
    v1::RevokeTokenRequest request;
    request.set_name(token.name());
    v1::Token response;
    EXPECT_TRUE(house_.access->RevokeToken(&context, request, &response).ok());
  }
  // The name of a run that waits in the queue.
  std::string queued() {
    Context context(house_.token());
    v1::SubmitExperimentRequest request;
    request.set_request_id("one");
    *request.mutable_config() = House::config();
    v1::SubmitExperimentResponse response;
    const auto status = house_.experiments->SubmitExperiment(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.runs(0).name();
  }

  // An open Tail.
  struct Reader {
    explicit Reader(const std::string& token) : context(token) {}
    Context context;
    std::unique_ptr<grpc::ClientReader<v1::TailResponse>> stream;
    v1::TailResponse message;
  };
  std::unique_ptr<Reader> tail(const std::string& token, const std::string& run) {
    auto reader = std::make_unique<Reader>(token);
    v1::TailRequest request;
    request.add_names(run);
    reader->stream = house_.queries->Tail(&reader->context, request);
    return reader;
  }
  static grpc::Status end_of(Reader& reader) {
    while (reader.stream->Read(&reader.message)) continue;
    return reader.stream->Finish();
  }

  House house_{/*auth=*/true};
};

TEST_F(Limits, AnOpenStreamOfARevokedTokenEnds) {
  const std::string run = queued();
  const auto made = make(v1::ROLE_READ);
  const auto reader = tail(made.secret(), run);
  const auto other = tail(house_.token(), run);
  ASSERT_TRUE(reader->stream->Read(&reader->message));
  ASSERT_TRUE(other->stream->Read(&other->message));
  revoke(made.token());
  const auto end = end_of(*reader);
  EXPECT_EQ(end.error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(end.error_message(), HasSubstr("was revoked"));
  // Nobody else's.
  other->context.TryCancel();
  EXPECT_EQ(end_of(*other).error_code(), StatusCode::CANCELLED);
}

TEST_F(Limits, AnOpenStreamOfAnExpiredTokenEnds) {
  const auto reader = tail(make(v1::ROLE_READ, 2).secret(), queued());
  ASSERT_TRUE(reader->stream->Read(&reader->message));
  const auto end = end_of(*reader);
  EXPECT_EQ(end.error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(end.error_message(), HasSubstr("has expired"));
}

TEST_F(Limits, AWorkersOpenStreamEndsWithItsToken) {
  const std::string run = queued();
  const auto made = make(v1::ROLE_WORKER);
  v1::LeaseRequest request;
  request.set_request_id("lease");
  request.set_worker("node");
  v1::LeaseResponse lease;
  Context lease_context(made.secret());
  ASSERT_TRUE(house_.workers->Lease(&lease_context, request, &lease).ok());
  Context context(made.secret());
  const auto stream = house_.workers->Stream(&context);
  v1::StreamRequest open;
  open.mutable_open()->set_run(lease.grant().run());
  open.mutable_open()->set_attempt(lease.grant().attempt());
  open.mutable_open()->set_token(lease.grant().token());
  ASSERT_TRUE(stream->Write(open));
  v1::StreamResponse response;
  ASSERT_TRUE(stream->Read(&response));
  revoke(made.token());
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), StatusCode::UNAUTHENTICATED);
}

TEST_F(Limits, AnImportOfARevokedTokenStoresNothing) {
  const auto made = make(v1::ROLE_SUBMIT);
  Context context(made.secret());
  v1::ImportSeriesResponse response;
  const auto stream = house_.experiments->ImportSeries(&context, &response);
  v1::ImportSeriesRequest first;
  first.set_experiment_id("imported");
  first.set_request_id("import");
  auto* column = first.add_columns();
  column->set_key("x");
  column->add_step(0);
  column->add_value(1);
  ASSERT_TRUE(stream->Write(first));
  revoke(made.token());
  v1::ImportSeriesRequest last;
  last.set_last(true);
  stream->Write(last);
  stream->WritesDone();
  EXPECT_EQ(stream->Finish().error_code(), StatusCode::UNAUTHENTICATED);
}

TEST_F(Limits, OneReadersStreamsLeavePlacesToOthers) {
  constexpr int kMostOfOne = 120;
  const std::string run = queued();
  const std::string greedy = make(v1::ROLE_READ).secret();
  std::vector<std::unique_ptr<Reader>> open;
  for (int i = 0; i < kMostOfOne; ++i) {
    open.push_back(tail(greedy, run));
    ASSERT_TRUE(open.back()->stream->Read(&open.back()->message)) << i;
  }
  const auto refused = end_of(*tail(greedy, run));
  EXPECT_EQ(refused.error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused.error_message(), HasSubstr("120 streams are open already"));
  const auto other = tail(make(v1::ROLE_READ).secret(), run);
  EXPECT_TRUE(other->stream->Read(&other->message));
  other->context.TryCancel();
  for (const auto& one : open) one->context.TryCancel();
  end_of(*other);
  for (const auto& one : open) end_of(*one);
}

// They were unpacked before their size was looked at, without a token, too.
TEST_F(Limits, ACompressedMessageIsRefusedAndNotUnpacked) {
  for (const auto algorithm : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    Context context;
    context.set_compression_algorithm(algorithm);
    v1::LookupRequest request;
    request.set_reference(std::string(3 << 20, 'x'));
    v1::LookupResponse response;
    const auto status = house_.experiments->Lookup(&context, request, &response);
    EXPECT_EQ(status.error_code(), StatusCode::UNIMPLEMENTED) << status.error_message();
    EXPECT_THAT(status.error_message(), HasSubstr("disabled"));
  }
}

TEST_F(Limits, AMessageThatIsTooLargeIsRefused) {
  Context context(house_.token());
  v1::LookupRequest request;
  request.set_reference(std::string(kMaxRequestBytes + 1, 'x'));
  v1::LookupResponse response;
  EXPECT_EQ(house_.experiments->Lookup(&context, request, &response).error_code(),
            StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(Limits, AHeadThatIsTooLargeIsRefused) {
  Context context(house_.token());
  context.AddMetadata("more", std::string(32 << 10, 'x'));
  v1::WhoAmIResponse response;
  EXPECT_EQ(house_.access->WhoAmI(&context, {}, &response).error_code(), StatusCode::RESOURCE_EXHAUSTED);
}

}  // namespace
}  // namespace hooke::services
