// Programs of different versions: of one major version they work together, of another one each is told so.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "hooke/v1/experiment.grpc.pb.h"
#include "hooke/v1/worker.grpc.pb.h"
#include "hooke_version.h"
#include "proto/hooke/channel.h"
#include "tests/integration/harness.h"

namespace hooke::harness {
namespace {

using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

const std::string kOtherMajor = "7.1.0";
// This one's successor.
const std::string kOtherMinor = std::string(kVersion).substr(0, std::string(kVersion).find('.')) + ".99.0";
constexpr int kNewField = 2000;  // of a later version's messages

void add_new_field(google::protobuf::Message& message) {
  message.GetReflection()->MutableUnknownFields(&message)->AddVarint(kNewField, 1);
}

// A server of another version: it says so, answers with fields that this version does not have, and knows
// two calls.
class OtherServer {
 public:
  explicit OtherServer(const std::string& version) : experiments_(version), workers_(version) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&experiments_);
    builder.RegisterService(&workers_);
    server_ = builder.BuildAndStart();
  }
  ~OtherServer() { server_->Shutdown(std::chrono::system_clock::now()); }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string worker_version() { return workers_.version_heard(); }

 private:
  struct Experiments : v1::ExperimentService::Service {
    explicit Experiments(std::string of) : version(std::move(of)) {}
    grpc::Status ListRuns(grpc::ServerContext* context, const v1::ListRunsRequest*,
                          v1::ListRunsResponse* response) override {
      context->AddInitialMetadata(kVersionKey, version);
      response->add_runs()->set_run_id("k3f9aaaa");
      add_new_field(*response);
      add_new_field(*response->mutable_runs(0));
      return grpc::Status::OK;
    }
    const std::string version;
  };
  struct Workers : v1::WorkerService::Service {
    explicit Workers(std::string of) : version(std::move(of)) {}
    grpc::Status Lease(grpc::ServerContext* context, const v1::LeaseRequest*,
                       v1::LeaseResponse* response) override {
      const auto found = context->client_metadata().find(kVersionKey);
      if (found != context->client_metadata().end()) {
        const std::lock_guard lock(mutex);
        heard = {found->second.data(), found->second.size()};
      }
      context->AddInitialMetadata(kVersionKey, version);
      response->mutable_retry_after()->set_seconds(1);
      add_new_field(*response);
      return grpc::Status::OK;
    }
    std::string version_heard() {
      const std::lock_guard lock(mutex);
      return heard;
    }
    const std::string version;
    std::mutex mutex;
    std::string heard;
  };

  int port_ = 0;
  Experiments experiments_;
  Workers workers_;
  std::unique_ptr<grpc::Server> server_;
};

class Versions : public testing::Test {
 protected:
  Result list_runs(const OtherServer& server) {
    return house_.hooke({"runs", "list", "-o", "csv"}, {{"HOOKE_SERVER", server.address()}});
  }
  // What a worker says that finds no run; it ends well.
  std::string words_of_a_worker(const OtherServer& server) {
    Process worker({program("hooke-worker"), "--server", server.address(), "--spool",
                    house_.folder() / "spool", "--idle", "1"},
                   {}, house_.folder() / "log" / "worker");
    EXPECT_EQ(worker.wait(std::chrono::seconds(60)), 0) << worker.err();
    return worker.err();
  }
  // Asks the real server for its runs as a program of that version, whose request has a new field.
  grpc::Status ask_as(const std::string& version) {
    const auto stub = v1::ExperimentService::NewStub(
        grpc::CreateChannel(house_.address(), grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    context.AddMetadata(kVersionKey, version);
    v1::ListRunsRequest request;
    request.set_parent("experiments/-");
    add_new_field(request);
    v1::ListRunsResponse response;
    return stub->ListRuns(&context, request, &response);
  }

  House house_{{.auth = false}};
};

TEST_F(Versions, AServerOfAnotherMajorIsNamedByCommandsAndWorkers) {
  OtherServer server(kOtherMajor);
  const std::string named =
      "the server at " + server.address() + " is version " + kOtherMajor + ", this program is " + kVersion;
  EXPECT_THAT(list_runs(server).err, HasSubstr(named));
  EXPECT_THAT(words_of_a_worker(server), HasSubstr(named));
  EXPECT_EQ(server.worker_version(), kVersion);
}

TEST_F(Versions, AServerOfAnotherMinorServesCommandsAndWorkersWhateverItsAnswersHaveMore) {
  OtherServer server(kOtherMinor);
  const Result listed = list_runs(server);
  EXPECT_EQ(listed.exit_code, 0) << listed.err;
  EXPECT_THAT(listed.out, HasSubstr("k3f9aaaa"));
  EXPECT_THAT(listed.err, Not(HasSubstr("version")));
  EXPECT_THAT(words_of_a_worker(server), Not(HasSubstr("version")));
}

TEST_F(Versions, ACallThatAServerLacksIsToldSo) {
  OtherServer server(kOtherMinor);
  const Result result = house_.hooke({"workers", "list"}, {{"HOOKE_SERVER", server.address()}});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("the server at " + server.address() + " does not know this call"));
}

TEST_F(Versions, ACallerOfAnotherMajorIsAnsweredAndNamedOnceInTheServersLog) {
  house_.start_server();
  for (const std::string& version : {std::string(kVersion), kOtherMinor, kOtherMajor, kOtherMajor})
    EXPECT_TRUE(ask_as(version).ok()) << version;
  house_.stop_server(SIGTERM);
  const std::string log = house_.server().err();
  const std::string named = "calls as version ";
  const auto first = log.find(named);
  ASSERT_NE(first, std::string::npos) << log;
  EXPECT_EQ(log.substr(first + named.size(), kOtherMajor.size()), kOtherMajor);
  EXPECT_EQ(log.find(named, first + 1), std::string::npos) << log;
}

}  // namespace
}  // namespace hooke::harness
