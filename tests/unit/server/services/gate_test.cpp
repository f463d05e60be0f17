#include "server/services/gate.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include "hooke/v1/admin.grpc.pb.h"

namespace hooke::services {
namespace {

// Comes to its calls when their callers have gone, as a server that has too much to do.
class LateService final : public v1::AdminService::Service {
 public:
  explicit LateService(const Gate& gate) : gate_(gate) {}

  grpc::Status GetStatistics(grpc::ServerContext* context, const v1::GetStatisticsRequest*,
                             v1::Statistics*) override {
    arrived.set_value();
    while (!context->IsCancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const auto status = gate_.run(*context, "/hooke.v1.AdminService/GetStatistics",
                                  [this](const access::Caller&) { worked = true; });
    code = status.error_code();
    return status;
  }

  std::promise<void> arrived;
  std::atomic<bool> worked = false;
  std::atomic<grpc::StatusCode> code = grpc::StatusCode::OK;

 private:
  const Gate& gate_;
};

// Was: under overload callers gave up, and their calls were carried out for nobody.
TEST(Gate, StartsNoCallWhoseCallerHasGone) {
  const access::Access access(std::nullopt, {}, [] { return TimeUs{0}; });
  const Gate gate(access);
  LateService service(gate);
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  const auto stub = v1::AdminService::NewStub(
      grpc::CreateChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  std::thread giving_up([&] {
    service.arrived.get_future().wait();
    context.TryCancel();
  });
  v1::Statistics response;
  EXPECT_FALSE(stub->GetStatistics(&context, {}, &response).ok());
  giving_up.join();
  server->Shutdown();  // when the call has ended
  EXPECT_EQ(service.code, grpc::StatusCode::CANCELLED);
  EXPECT_FALSE(service.worked);
}

}  // namespace
}  // namespace hooke::services
