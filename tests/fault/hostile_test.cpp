// Workers that send what they must not: each is refused by name, its run fails for good where the protocol
// says so, and nobody else notices.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

#include "hooke/v1/experiment.grpc.pb.h"
#include "tests/bench/bench_server.h"
#include "tests/fault/options.h"
#include "tests/fault/streams.h"

namespace hooke::fault {
namespace {

using harness::House;
using testing::HasSubstr;

constexpr int kHostileClasses = 3;

v1::Record scalars(std::int64_t step, const std::vector<std::string>& keys, std::int64_t time_us = 1) {
  v1::Record record;
  record.mutable_scalars()->set_step(step);
  record.mutable_scalars()->set_time_us(time_us);
  for (const std::string& key : keys) {
    record.mutable_scalars()->add_key(key);
    record.mutable_scalars()->add_value(0.5);
  }
  return record;
}

v1::Record matrix(std::int64_t step, std::size_t bytes, const std::string& key = "elasticity/kl") {
  v1::Record record;
  record.mutable_matrix()->set_step(step);
  record.mutable_matrix()->set_key(key);
  record.mutable_matrix()->set_planes(std::string(bytes, '\x7f'));
  return record;
}

v1::Record declaration(const std::string& key, int classes, int eligible) {
  v1::Record record;
  v1::SeriesDeclaration& series = *record.mutable_series_declaration();
  series.set_key(key);
  series.set_kind(v1::SERIES_KIND_MATRIX);
  for (int i = 0; i < classes; ++i) series.add_class_names("c" + std::to_string(i));
  for (int i = 0; i < eligible; ++i) series.add_eligible(1);
  return record;
}

// Many names in one record, from number `first` on.
v1::Record many_series(int first, int count) {
  std::vector<std::string> keys;
  for (int i = 0; i < count; ++i) keys.push_back("series/" + std::to_string(first + i));
  return scalars(5, keys);
}

// A house with one good worker, whose records must all be there at the end.
class Hostile : public testing::Test {
 protected:
  Hostile() {
    house_.start_server();
    channel_ = connect(house_, house_.port());
    good_ = std::make_unique<Streams>(house_, 1, house_.port());
  }
  ~Hostile() override {
    const std::uint64_t before = good_->acknowledged();
    EXPECT_TRUE(harness::eventually([&] { return good_->acknowledged() > before; }));
    good_->expect_everything_once("a good worker beside it:");
  }

  v1::LeaseGrant lease() { return bench::lease(channel_, 1).at(0); }

  // Opens a stream with the grant, sends the messages and says how it ends.
  grpc::Status send(const v1::LeaseGrant& grant, const std::vector<v1::StreamRequest>& messages) {
    const auto stub = v1::WorkerService::NewStub(channel_);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    const auto stream = stub->Stream(&context);
    v1::StreamRequest open;
    open.mutable_open()->set_run(grant.run_id());
    open.mutable_open()->set_attempt(grant.attempt());
    open.mutable_open()->set_token(grant.token());
    stream->Write(open);
    for (const v1::StreamRequest& message : messages)
      if (!stream->Write(message)) break;
    stream->WritesDone();
    v1::StreamResponse response;
    while (stream->Read(&response)) {
    }
    return stream->Finish();
  }

  // As the first records of an attempt would be, then these.
  static v1::StreamRequest batch(const std::vector<v1::Record>& records) {
    v1::StreamRequest request = bench::first_records(kHostileClasses, 100);
    for (const v1::Record& record : records) *request.mutable_batch()->add_records() = record;
    std::uint64_t number = 0;
    for (v1::Record& record : *request.mutable_batch()->mutable_records()) record.set_number(++number);
    return request;
  }

  v1::Run run(const v1::LeaseGrant& grant) {
    grpc::ClientContext context;
    v1::GetRunRequest request;
    request.set_name(grant.run());
    v1::Run run;
    bench::require(v1::ExperimentService::NewStub(channel_)->GetRun(&context, request, &run), "GetRun");
    return run;
  }

  // The run fails with these words, at its first attempt.
  void expect_breach(const std::vector<v1::Record>& records, const std::string& words) {
    const v1::LeaseGrant grant = lease();
    const grpc::Status status = send(grant, {batch(records)});
    EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION)
        << words << ": " << status.error_message();
    EXPECT_THAT(status.error_message(), HasSubstr(words));
    const v1::Run after = run(grant);
    EXPECT_EQ(after.state(), v1::RUN_STATE_FAILED) << words;
    EXPECT_THAT(after.reason().message(), HasSubstr(words));
    EXPECT_EQ(after.reason().kind(), v1::REASON_KIND_PROTOCOL);
    EXPECT_EQ(after.attempt(), 1);
  }

  // The stream is refused with this code and these words; the run goes on.
  void expect_refused(const v1::LeaseGrant& grant, const std::vector<v1::StreamRequest>& messages,
                      grpc::StatusCode code, const std::string& words) {
    const grpc::Status status = send(grant, messages);
    EXPECT_EQ(status.error_code(), code) << words << ": " << status.error_message();
    EXPECT_THAT(status.error_message(), HasSubstr(words));
  }

  House house_{{.lease_period_s = 600, .auth = false}};
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<Streams> good_;
};

TEST_F(Hostile, RecordsThatBreakARuleFailTheirRunByName) {
  constexpr std::int64_t kFar = std::numeric_limits<std::int64_t>::max();
  expect_breach({matrix(5, 19)}, "series elasticity/kl, step 5: 19 bytes for 9 cells; must be 180");
  expect_breach({matrix(5, 0)}, "0 bytes for 9 cells");
  expect_breach({matrix(5, 180, "never/declared")}, "no matrix was declared");
  expect_breach({declaration("m", 3, 4)}, "4 numbers of eligible pairs for 9 cells");
  expect_breach({declaration("m", 451, 0)}, "451 classes; at most 450");
  expect_breach({matrix(5, 180), declaration("elasticity/kl", 2, 4)}, "another kind or other classes");
  expect_breach({scalars(5, {"train/loss"}), scalars(4, {"train/loss"})}, "not after its step 5");
  expect_breach({scalars(-1, {"train/loss"})}, "is negative");
  expect_breach({scalars(kFar, {"train/loss"})}, "is too large");
  expect_breach({scalars(5, {"train/loss"}, kFar)}, "scalars, step 5: time 9223372036854775807");
  expect_breach({scalars(5, {std::string(1 << 20, 'x')})}, "the key is too long");
  expect_breach({scalars(5, {"a\nb"})}, "must be printable");
  expect_breach({many_series(0, 10'001)}, "10001 values in one record; at most 10000");
  expect_breach({many_series(0, 10'000), many_series(10'000, 10'000)}, "too many series");
  expect_breach({v1::Record()}, "no body");
  expect_breach({bench::first_records(0, 1).batch().records(0)}, "must be record 1");
}

TEST_F(Hostile, NumbersThatAreNoneAreDataAndWhatIsSaidOfTheEndMayBeAnything) {
  const v1::LeaseGrant grant = lease();
  v1::Record values = scalars(5, {"a", "b", "c", "d"});
  for (int i = 0;
       const double value : {std::nan(""), HUGE_VAL, -HUGE_VAL, std::numeric_limits<double>::denorm_min()})
    values.mutable_scalars()->set_value(i++, value);
  v1::Record end;
  end.mutable_end()->set_state(v1::RUN_STATE_FAILED);
  end.mutable_end()->mutable_reason()->set_kind(static_cast<v1::ReasonKind>(77));
  end.mutable_end()->mutable_reason()->set_message(std::string(1 << 20, '!'));
  EXPECT_TRUE(send(grant, {batch({values, matrix(5, 180), end})}).ok());
  const std::string run_id = grant.run_id();
  EXPECT_THAT(house_.answer({"series", "get", run_id, "a", "-o", "csv"}), HasSubstr("5,nan"));
  EXPECT_THAT(house_.answer({"series", "get", run_id, "c", "-o", "csv"}), HasSubstr("5,-inf"));
  EXPECT_THAT(house_.answer({"runs", "show", run_id, "-o", "json"}), HasSubstr(run_id));
  EXPECT_THAT(house_.answer({"runs", "list", "-o", "json"}), HasSubstr(run_id));
}

TEST_F(Hostile, WhoIsNotTheAttemptIsRefusedAndTheRunGoesOn) {
  const v1::LeaseGrant grant = lease();
  v1::LeaseGrant other = grant;
  other.set_token("guessed");
  expect_refused(other, {}, grpc::StatusCode::FAILED_PRECONDITION, "the token is not that of attempt 1");
  other.set_attempt(2'000'000'000);
  expect_refused(other, {}, grpc::StatusCode::FAILED_PRECONDITION,
                 "the token is not that of attempt 2000000000");
  other.set_run_id("no-such-run");
  expect_refused(other, {}, grpc::StatusCode::FAILED_PRECONDITION, "there is no run no-such-run");
  other.set_run_id(std::string(1 << 20, 'x'));
  EXPECT_FALSE(send(other, {}).ok());
  EXPECT_EQ(run(grant).state(), v1::RUN_STATE_RUNNING);
  EXPECT_TRUE(send(grant, {batch({scalars(0, {"train/loss"})})}).ok());
}

TEST_F(Hostile, GapsAndMessagesThatAreNoneAreRefusedAndTheRunGoesOn) {
  const v1::LeaseGrant grant = lease();
  v1::StreamRequest gap = batch({});
  gap.mutable_batch()->mutable_records(1)->set_number(7);
  expect_refused(grant, {gap}, grpc::StatusCode::OUT_OF_RANGE, "record 7 came after record");
  v1::StreamRequest open;
  open.mutable_open()->set_run(grant.run_id());
  expect_refused(grant, {open}, grpc::StatusCode::INVALID_ARGUMENT, "after `open` a stream carries batches");
  expect_refused(grant, {v1::StreamRequest()}, grpc::StatusCode::INVALID_ARGUMENT, "batches");
  expect_refused(grant, {batch({matrix(5, 20u << 20)})}, grpc::StatusCode::RESOURCE_EXHAUSTED,
                 "larger than max");
  EXPECT_EQ(run(grant).state(), v1::RUN_STATE_RUNNING);
  EXPECT_TRUE(send(grant, {batch({scalars(0, {"train/loss"})})}).ok());
}

std::string random_bytes(std::minstd_rand& random) {
  std::string bytes(1 + random() % 3000, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

TEST_F(Hostile, RandomBytesAsMessagesAreRefused) {
  std::minstd_rand random(options().seed);
  grpc::GenericStub stub(channel_);
  for (const char* method : {"Lease", "Heartbeat", "Stream", "Finish"})
    for (int i = 0; i < 20; ++i) {
      grpc::ClientContext context;
      grpc::CompletionQueue queue;
      const grpc::Slice slice(random_bytes(random));
      const grpc::ByteBuffer message(&slice, 1);
      const auto call =
          stub.PrepareUnaryCall(&context, std::string("/hooke.v1.WorkerService/") + method, message, &queue);
      grpc::ByteBuffer response;
      grpc::Status status;
      call->StartCall();
      call->Finish(&response, &status, nullptr);
      void* tag = nullptr;
      bool ok = false;
      ASSERT_TRUE(queue.Next(&tag, &ok));
      EXPECT_FALSE(status.ok()) << method;
    }
}

TEST_F(Hostile, RandomBytesAsConnectionsAreDropped) {
  std::minstd_rand random(options().seed);
  for (int i = 0; i < 100; ++i) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(i % 2 == 0 ? house_.port() : house_.http_port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    // Half of them begin as gRPC does.
    const std::string bytes = (i % 4 == 0 ? "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" : "") + random_bytes(random);
    ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ::close(socket);
  }
  EXPECT_TRUE(house_.server().running());
}

}  // namespace
}  // namespace hooke::fault
