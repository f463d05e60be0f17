// Uplink against a server that opens streams and then leaves them alone, on connections that live.
#include "worker/uplink/uplink.h"

#include <gmock/gmock.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "client/sdk/connection.h"
#include "hooke/v1/worker.grpc.pb.h"
#include "tests/temp_folder.h"
#include "worker/spool/spool.h"

namespace hooke::uplink {
namespace {

using std::chrono::milliseconds;
using Exchange = grpc::ServerReaderWriter<v1::StreamResponse, v1::StreamRequest>;

constexpr milliseconds kShortPatience{2'000};
constexpr milliseconds kDrained{60'000};
constexpr int kRecords = 10;

// Answers all that comes but on the first stream, of which it forgets a part.
class Forgetful final : public v1::WorkerService::Service {
 public:
  enum class What { kNothing, kOpening, kAcknowledgements, kEnd };

  explicit Forgetful(What forgotten) : forgotten_(forgotten) {}

  grpc::Status Stream(grpc::ServerContext* context, Exchange* stream) override {
    const What forgotten = streams_++ == 0 ? forgotten_ : What::kNothing;
    v1::StreamRequest request;
    v1::StreamResponse response;
    stream->Read(&request);
    response.set_committed_record(committed_);
    if (forgotten != What::kOpening) stream->Write(response);
    while (stream->Read(&request)) {
      if (forgotten == What::kAcknowledgements || forgotten == What::kOpening) continue;
      const auto& records = request.batch().records();
      EXPECT_EQ(records[0].number(), committed_ + 1);
      committed_ = records[records.size() - 1].number();
      response.set_committed_record(committed_);
      stream->Write(response);
    }
    while (forgotten != What::kNothing && !context->IsCancelled())
      std::this_thread::sleep_for(milliseconds(5));
    return grpc::Status::OK;
  }

  int streams() const { return streams_; }
  std::uint64_t committed() const { return committed_; }

 private:
  const What forgotten_;
  std::atomic<int> streams_{0};
  std::atomic<std::uint64_t> committed_{0};
};

class UplinkTo {
 public:
  explicit UplinkTo(Forgetful::What forgotten) : service_(forgotten) {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    sdk::Endpoint endpoint;
    endpoint.address = "127.0.0.1:" + std::to_string(port);
    connection_ = std::make_unique<sdk::Connection>(endpoint);
    append(kRecords);
    uplink_ = std::make_unique<Uplink>(
        *connection_, v1::AttemptRef{}, path_,
        [this](const std::optional<std::string>& lost) { notices_.push_back(lost.value_or("")); },
        kShortPatience);
  }
  ~UplinkTo() {
    uplink_.reset();
    server_->Shutdown(std::chrono::system_clock::now());
  }

  void append(int records) {
    for (int i = 0; i < records; ++i) writer_.append(spool::Kind::kJson, R"({"barrier": {"step": "1"}})");
  }

  Uplink* operator->() { return uplink_.get(); }
  const Forgetful& server() const { return service_; }
  // Ends the uplink, whose thread gives them.
  const std::vector<std::string>& notices() {
    uplink_.reset();
    return notices_;
  }

 private:
  const tests::TempFolder folder_;
  const std::filesystem::path path_ = folder_.path() / spool::kFileName;
  spool::Writer writer_{path_};
  Forgetful service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<sdk::Connection> connection_;
  std::vector<std::string> notices_;
  std::unique_ptr<Uplink> uplink_;
};

TEST(Uplink, OpensAStreamAgainOfWhichNoAcknowledgementComes) {
  UplinkTo uplink(Forgetful::What::kAcknowledgements);
  uplink->close_spool();
  ASSERT_TRUE(uplink->wait_drained(kDrained));
  EXPECT_GE(uplink.server().streams(), 2);
  EXPECT_EQ(uplink.server().committed(), kRecords);
  EXPECT_EQ(uplink->acknowledged(), kRecords);
  EXPECT_THAT(uplink.notices(), testing::Contains(testing::HasSubstr("has not answered")));
}

TEST(Uplink, OpensAStreamAgainWhoseOpeningIsNotAnswered) {
  UplinkTo uplink(Forgetful::What::kOpening);
  uplink->close_spool();
  ASSERT_TRUE(uplink->wait_drained(kDrained));
  EXPECT_GE(uplink.server().streams(), 2);
  EXPECT_EQ(uplink.server().committed(), kRecords);
}

TEST(Uplink, EndsAStreamThatTheServerDoesNotEnd) {
  UplinkTo uplink(Forgetful::What::kEnd);
  uplink->close_spool();
  EXPECT_TRUE(uplink->wait_drained(kDrained));
  EXPECT_EQ(uplink.server().committed(), kRecords);
}

TEST(Uplink, LeavesAStreamAloneWhileThereIsNothingToAnswer) {
  UplinkTo uplink(Forgetful::What::kNothing);
  std::this_thread::sleep_for(3 * kShortPatience);
  uplink.append(kRecords);
  uplink->close_spool();
  ASSERT_TRUE(uplink->wait_drained(kDrained));
  EXPECT_EQ(uplink.server().streams(), 1);
  EXPECT_EQ(uplink.server().committed(), 2 * kRecords);
}

}  // namespace
}  // namespace hooke::uplink
