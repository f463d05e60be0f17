// hooke.v1.AdminService. Owned by server/app; gRPC's threads call it.
#pragma once

#include <absl/base/thread_annotations.h>

#include <chrono>
#include <deque>
#include <mutex>

#include "hooke/v1/admin.grpc.pb.h"
#include "server/ingest/ingest.h"
#include "server/scheduling/deletion.h"
#include "server/services/gate.h"
#include "server/storage/database.h"
#include "server/storage/readers.h"
#include "server/storage/writer.h"

namespace hooke::services {

class AdminService final : public v1::AdminService::Service {
 public:
  AdminService(const Gate& gate, const storage::Database& database, storage::Readers& readers,
               const storage::Writer& writer, const ingest::Ingest& ingest, scheduling::Deletion& deletion,
               storage::Clock clock)
      : gate_(gate),
        database_(database),
        readers_(readers),
        writer_(writer),
        ingest_(ingest),
        deletion_(deletion),
        clock_(std::move(clock)) {}

  // To be called about once a second, by one thread: what rates are made from.
  void sample();

  grpc::Status GetStatistics(grpc::ServerContext* context, const v1::GetStatisticsRequest* request,
                             v1::Statistics* response) override;
  grpc::Status Backup(grpc::ServerContext* context, const v1::BackupRequest* request,
                      v1::BackupResponse* response) override;
  grpc::Status CollectGarbage(grpc::ServerContext* context, const v1::CollectGarbageRequest* request,
                              v1::CollectGarbageResponse* response) override;
  grpc::Status Verify(grpc::ServerContext* context, const v1::VerifyRequest* request,
                      v1::VerifyResponse* response) override;
  grpc::Status ReadRecords(grpc::ServerContext* context, const v1::ReadRecordsRequest* request,
                           grpc::ServerWriter<v1::ReadRecordsResponse>* writer) override;

 private:
  const Gate& gate_;
  const storage::Database& database_;
  storage::Readers& readers_;
  const storage::Writer& writer_;
  const ingest::Ingest& ingest_;
  scheduling::Deletion& deletion_;
  const storage::Clock clock_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();

  struct Sample {
    std::chrono::steady_clock::time_point time;
    std::int64_t records;
  };
  double records_per_s() const;
  mutable std::mutex mutex_;
  std::deque<Sample> samples_ ABSL_GUARDED_BY(mutex_);  // the newest last
};

}  // namespace hooke::services
