// Messages as JSON and back, and gzip, of hostile bytes too.
#include "server/gateway/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <optional>

#include "hooke/v1/admin.pb.h"
#include "hooke/v1/query.pb.h"
#include "proto/hooke/error.h"

namespace hooke::gateway {
namespace {

using testing::HasSubstr;

const std::string kSeries = "hooke.v1.GetSeriesRequest";

std::optional<Code> code_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code();
  }
  return std::nullopt;
}
std::optional<Code> code_of_json(const std::string& json) {
  return code_of([&] { from_json(kSeries, json); });
}

TEST(Codec, JsonComesBackAsItWent) {
  v1::Statistics statistics;
  statistics.set_version("0.1 \xc3\xa9 \"<img>\"");
  statistics.set_database_bytes(9'007'199'254'740'993);
  statistics.set_uptime_s(std::numeric_limits<double>::quiet_NaN());
  statistics.set_oldest_waiting_ms(-std::numeric_limits<double>::infinity());
  (*statistics.mutable_runs())["queued"] = 3;
  const std::string json = to_json("hooke.v1.Statistics", statistics.SerializeAsString());
  EXPECT_THAT(json, HasSubstr("\"databaseBytes\":\"9007199254740993\""));
  EXPECT_THAT(json, HasSubstr("\"NaN\""));
  v1::Statistics back;
  ASSERT_TRUE(back.ParseFromString(from_json("hooke.v1.Statistics", json)));
  EXPECT_EQ(back.DebugString(), statistics.DebugString());
}

TEST(Codec, WhatIsNotTheMessageInJsonIsRefused) {
  EXPECT_EQ(code_of_json("{}"), std::nullopt);
  for (const char* json : {"", " ", "null x", "[]", "1", "\"text\"", "{", "{}}", "{\"parent\":1}",
                           "{\"nothing\":1}", "{'parent'}", "{\"parent\":{\"a\":1}}", "{\"keys\":\"\xff\"}",
                           "\xff\xfe", "{\"parent\":\"\\ud800\"}x"})
    EXPECT_EQ(code_of_json(json), Code::kInvalidArgument) << json;
}

TEST(Codec, DeepJsonIsRefusedAndNotFollowed) {
  const std::size_t depth = 200'000;
  EXPECT_EQ(code_of_json(std::string(depth, '[')), Code::kInvalidArgument);
  std::string objects;
  for (std::size_t i = 0; i < depth; ++i) objects += "{\"parent\":";
  EXPECT_EQ(code_of_json(objects), Code::kInvalidArgument);
  EXPECT_EQ(code_of_json("{\"nothing\":" + std::string(depth, '[') + std::string(depth, ']') + "}"),
            Code::kInvalidArgument);
}

TEST(Codec, BytesOfAnUnknownMessageAreNotWrittenAsJson) {
  EXPECT_FALSE(try_to_json("hooke.v1.NoSuchMessage", ""));
  EXPECT_FALSE(try_to_json("", ""));
}

TEST(Codec, BytesThatAreNoMessageAreRefused) {
  v1::GetSeriesRequest request;
  EXPECT_EQ(code_of([&] { check_bytes(request.GetTypeName(), request.SerializeAsString()); }), std::nullopt);
  for (const std::string& bytes : {std::string("\xff"),
                                   std::string("\x0a\x05"
                                               "ab"),
                                   std::string("\x0a\x01\xff"), std::string("\x0a\xff\xff\xff\xff\x7f")})
    EXPECT_EQ(code_of([&] { check_bytes(kSeries, bytes); }), Code::kInvalidArgument);
}

TEST(Gzip, BytesComeBack) {
  for (const std::size_t size : {0, 1, 65'536, 1'000'000}) {
    std::string bytes(size, 'a');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * i % 251);
    EXPECT_EQ(gunzip(gzip(bytes), size), bytes) << size;
  }
}

TEST(Gzip, WhatIsCutOrNotGzipIsRefused) {
  const std::string packed = gzip(std::string(1000, 'a'));
  for (const std::string& bytes : {std::string(), std::string("{}"), packed.substr(0, packed.size() - 1),
                                   packed.substr(0, 5), packed + "x", packed + packed, std::string(20, '\0')})
    EXPECT_EQ(code_of([&] { gunzip(bytes, 1 << 20); }), Code::kInvalidArgument) << bytes.size();
}

TEST(Gzip, ABombStopsAtTheLimit) {
  const std::string packed = gzip(std::string(64 << 20, '\0'));
  ASSERT_LT(packed.size(), 1u << 20);
  EXPECT_EQ(code_of([&] { gunzip(packed, 1 << 20); }), Code::kResourceExhausted);
}

}  // namespace
}  // namespace hooke::gateway
