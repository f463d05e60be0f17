// Thousands of workers at once: none of their calls has a thread.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <future>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/unit/server/services/house.h"

namespace hooke::services {
namespace {

// Keeps a server's writer waiting.
class Lock {
 public:
  explicit Lock(const std::filesystem::path& database) {
    EXPECT_EQ(sqlite3_open(database.c_str(), &handle_), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  }
  ~Lock() {
    sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
    sqlite3_close(handle_);
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  sqlite3* handle_ = nullptr;
};

std::int64_t queued(House& house) {
  Context context;
  v1::Statistics statistics;
  const grpc::Status status = house.admin->GetStatistics(&context, {}, &statistics);
  if (!status.ok()) throw std::runtime_error(status.error_message());
  return statistics.writer_queue();
}

TEST(ManyWorkers, WaitForTheWriterWithoutAThreadEach) {
  constexpr int kCalls = 200;  // more than the server has threads for
  House house;
  house.submit();
  const auto grant = house.lease();
  v1::HeartbeatRequest request;
  request.mutable_attempt()->set_run(grant.run_id());
  request.mutable_attempt()->set_attempt(grant.attempt());
  request.mutable_attempt()->set_token(grant.token());
  std::vector<std::unique_ptr<Context>> contexts;
  std::vector<v1::HeartbeatResponse> responses(kCalls);
  std::vector<std::promise<grpc::Status>> ends(kCalls);
  {
    const Lock lock(house.database());
    for (int n = 0; n < kCalls; ++n) {
      const auto k = static_cast<std::size_t>(n);
      contexts.push_back(std::make_unique<Context>());
      house.workers->async()->Heartbeat(
          contexts.back().get(), &request, &responses[k],
          [&ends, k](const grpc::Status& status) { ends[k].set_value(status); });
    }
    // All wait but the one that the writer has; other calls are answered meanwhile.
    while (queued(house) < kCalls - 1) std::this_thread::yield();
  }
  for (std::size_t k = 0; k < ends.size(); ++k) {
    const grpc::Status status = ends[k].get_future().get();
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(responses[k].period().seconds(), 60);
  }
}

}  // namespace
}  // namespace hooke::services
