// The Connect protocol as text and bytes, hostile ones too.
#include "server/gateway/connect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "proto/hooke/status.h"

namespace hooke::gateway {
namespace {

using testing::HasSubstr;

const char* kUnary = "/hooke.v1.QueryService/GetSeries";
const char* kStream = "/hooke.v1.QueryService/Tail";

CallHead head_of(const char* path, std::vector<Header> headers, const std::string& method = "POST") {
  Request request;
  request.method = method;
  request.path = path;
  request.headers = std::move(headers);
  return parse_head(request, find_method(path));
}
// The status that it is refused with; 0: it is not.
int refusal_of_call(const char* path, std::vector<Header> headers, const std::string& method = "POST") {
  try {
    head_of(path, std::move(headers), method);
    return 0;
  } catch (const Refused& refused) {
    return refused.status();
  }
}
std::vector<Header> with(const char* name, const char* value, const char* type = "application/json") {
  return {{"content-type", type}, {name, value}};
}

TEST(Connect, OnlyMethodsOfTheContractAreFound) {
  EXPECT_EQ(find_method(kUnary)->full_name(), "hooke.v1.QueryService.GetSeries");
  for (const char* path :
       {"", "/", "hooke.v1.QueryService/GetSeries", "/hooke.v1.QueryService", "/hooke.v1.QueryService/",
        "/hooke.v1.QueryService/Nothing", "/hooke.v1.QueryService/GetSeries/", "//GetSeries",
        "/hooke.v1.WorkerService/Lease", "/hooke.v1.WorkerService/Stream", "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "/google.protobuf.Any/x"})
    EXPECT_EQ(find_method(path), nullptr) << path;
}

TEST(Connect, ContentTypesAreOfFour) {
  EXPECT_EQ(parse_content_type("application/json"), (ContentType{Codec::kJson, false}));
  EXPECT_EQ(parse_content_type(" Application/JSON ; charset=utf-8"), (ContentType{Codec::kJson, false}));
  EXPECT_EQ(parse_content_type("application/connect+proto"), (ContentType{Codec::kProto, true}));
  for (const char* text : {"", "text/plain", "application/jsonx", "application/x-www-form-urlencoded",
                           "multipart/form-data", "application/grpc", "application/connect+xml"})
    EXPECT_FALSE(parse_content_type(text)) << text;
}

TEST(Connect, AHeadMustFitTheMethod) {
  EXPECT_EQ(refusal_of_call(kUnary, {{"content-type", "application/json"}}), 0);
  EXPECT_EQ(refusal_of_call(kStream, {{"content-type", "application/connect+json"}}), 0);
  EXPECT_EQ(refusal_of_call(kUnary, {{"content-type", "application/json"}}, "GET"), 405);
  EXPECT_EQ(refusal_of_call(kUnary, {}), 415);
  EXPECT_EQ(refusal_of_call(kUnary, {{"content-type", "text/plain"}}), 415)
      << "what a form of another page may send";
  EXPECT_EQ(refusal_of_call(kUnary, {{"content-type", "application/connect+json"}}), 415);
  EXPECT_EQ(refusal_of_call(kStream, {{"content-type", "application/json"}}), 415);
  EXPECT_EQ(refusal_of_call(kUnary, with("connect-protocol-version", "2")), 400);
  EXPECT_EQ(refusal_of_call(kUnary, with("content-encoding", "br")), 501);
  EXPECT_EQ(refusal_of_call(kStream, with("connect-content-encoding", "zstd", "application/connect+json")),
            501);
  EXPECT_EQ(refusal_of_call(kStream, with("content-encoding", "gzip", "application/connect+json")), 415);
}

TEST(Connect, TimeoutsAreMillisecondsOfAtMostTenDigits) {
  EXPECT_EQ(head_of(kUnary, with("connect-timeout-ms", "1500")).timeout, std::chrono::milliseconds(1500));
  EXPECT_EQ(head_of(kUnary, with("connect-timeout-ms", "9999999999")).timeout->count(), 9'999'999'999);
  EXPECT_FALSE(head_of(kUnary, {{"content-type", "application/json"}}).timeout);
  for (const char* text : {"", "-1", "1.5", "1e3", "12345678901", "99999999999999999999", "1 ", "soon"})
    EXPECT_EQ(refusal_of_call(kUnary, with("connect-timeout-ms", text)), 400) << text;
}

TEST(Connect, CompressionIsAsTheCallerUnderstandsIt) {
  EXPECT_TRUE(head_of(kUnary, with("accept-encoding", "br, gzip")).response_gzip);
  EXPECT_FALSE(head_of(kUnary, with("accept-encoding", "br, gzip;q=0")).response_gzip);
  EXPECT_FALSE(head_of(kUnary, with("accept-encoding", "identity")).response_gzip);
  EXPECT_FALSE(head_of(kStream, with("accept-encoding", "gzip", "application/connect+json")).response_gzip)
      << "a stream's messages have a header of their own";
  EXPECT_TRUE(head_of(kUnary, with("content-encoding", "gzip")).request_gzip);
}

TEST(Connect, AnErrorHasItsCodeItsMessageAndItsDetails) {
  const auto error = nlohmann::json::parse(error_json(to_status(invalid("names", "is empty"))));
  EXPECT_EQ(error["code"], "invalid_argument");
  EXPECT_THAT(error["message"], HasSubstr("names"));
  ASSERT_EQ(error["details"].size(), 1u);
  EXPECT_EQ(error["details"][0]["type"], "google.rpc.BadRequest");
  EXPECT_EQ(error["details"][0]["value"].get<std::string>().find('='), std::string::npos) << "no padding";
  EXPECT_EQ(error["details"][0]["debug"]["fieldViolations"][0]["field"], "names");
}

TEST(Connect, AnErrorWithBytesThatAreNoTextIsJsonAllTheSame) {
  const auto error =
      nlohmann::json::parse(error_json({grpc::StatusCode::UNKNOWN, "a\xff\xfe\"b\n", "\x0a\xff"}));
  EXPECT_EQ(error["code"], "unknown");
  EXPECT_FALSE(error.contains("details"));
}

TEST(Connect, EveryCodeHasItsStatus) {
  EXPECT_EQ(http_status(grpc::StatusCode::UNAUTHENTICATED), 401);
  EXPECT_EQ(http_status(grpc::StatusCode::NOT_FOUND), 404);
  EXPECT_EQ(http_status(grpc::StatusCode::UNAVAILABLE), 503);
  EXPECT_EQ(http_status(static_cast<grpc::StatusCode>(29)), 500);
  EXPECT_EQ(name_of(grpc::StatusCode::CANCELLED), "canceled");
  EXPECT_EQ(name_of(static_cast<grpc::StatusCode>(-1)), "unknown");
}

TEST(Envelopes, MessagesComeOutAsTheyWentInHoweverTheBytesTrickle) {
  const std::string large(70'000, 'x');
  const std::string bytes = envelope(0, "one") + envelope(kCompressedFlag, "") + envelope(0, large);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, bytes.size()}) {
    Envelopes envelopes(1 << 20);
    std::vector<Envelopes::Message> messages;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      envelopes.add(std::string_view(bytes).substr(at, piece));
      while (auto message = envelopes.next()) messages.push_back(*message);
    }
    ASSERT_EQ(messages.size(), 3u) << piece;
    EXPECT_EQ(messages[0].bytes, "one");
    EXPECT_EQ(messages[1].flags, kCompressedFlag);
    EXPECT_EQ(messages[2].bytes, large);
    EXPECT_FALSE(envelopes.torn());
  }
}

TEST(Envelopes, AMessageThatIsCutIsTorn) {
  for (const std::size_t size : {1, 4, 5, 7}) {
    Envelopes envelopes(100);
    envelopes.add(std::string_view(envelope(0, "one")).substr(0, size));
    EXPECT_FALSE(envelopes.next());
    EXPECT_TRUE(envelopes.torn()) << size;
  }
}

TEST(Envelopes, AHugeLengthIsRefusedBeforeItsBytesCome) {
  Envelopes envelopes(100);
  envelopes.add(std::string_view("\0\xff\xff\xff\xff", 5));
  EXPECT_THROW(envelopes.next(), Refused);
  Envelopes just_over(100);
  just_over.add(envelope(0, std::string(101, 'x')));
  EXPECT_THROW(just_over.next(), Refused);
}

TEST(Envelopes, FlagsThatARequestMayNotHaveAreRefused) {
  for (const int flags : {2, 3, 4, 128, 255}) {
    Envelopes envelopes(100);
    envelopes.add(envelope(static_cast<std::uint8_t>(flags), "{}"));
    EXPECT_THROW(envelopes.next(), Refused) << flags;
  }
}

}  // namespace
}  // namespace hooke::gateway
