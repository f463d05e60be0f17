#include "server/services/admin_service.h"

#include "hooke_version.h"
#include "server/query/records.h"
#include "server/storage/backup.h"
#include "server/storage/deletion.h"
#include "server/storage/experiments.h"
#include "server/storage/runs.h"

namespace hooke::services {
namespace {

// Seconds, nearly, that rates are taken over; and one.
constexpr std::size_t kSamples = 11;

}  // namespace

void AdminService::sample() {
  const std::lock_guard lock(mutex_);
  samples_.push_back({std::chrono::steady_clock::now(), ingest_.records_committed()});
  if (samples_.size() > kSamples) samples_.pop_front();
}

double AdminService::records_per_s() const {
  const std::lock_guard lock(mutex_);
  if (samples_.size() < 2) return 0;
  const std::chrono::duration<double> time = samples_.back().time - samples_.front().time;
  return static_cast<double>(samples_.back().records - samples_.front().records) / time.count();
}

grpc::Status AdminService::GetStatistics(grpc::ServerContext* context, const v1::GetStatisticsRequest*,
                                         v1::Statistics* response) {
  return gate_.run(*context, "/hooke.v1.AdminService/GetStatistics", [&](const access::Caller&) {
    response->set_version(kVersion);
    response->set_sqlite_version(storage::Database::sqlite_version());
    response->set_schema_version(database_.schema_version());
    response->set_uptime_s(std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count());
    response->set_time_us(clock_());
    response->set_data_dir(database_.folder().string());
    response->set_database_bytes(database_.file_bytes());
    response->set_wal_bytes(database_.wal_bytes());
    response->set_disk_free_bytes(database_.disk_free_bytes());
    auto snapshot = readers_.snapshot();
    response->set_experiments(storage::count_experiments(snapshot));
    for (const auto& [state, count] : storage::count_runs(snapshot))
      (*response->mutable_runs())[storage::name_of(state)] = count;
    const auto writer = writer_.statistics();
    response->set_streams(ingest_.open_streams());
    response->set_records_committed(ingest_.records_committed());
    response->set_records_per_s(records_per_s());
    response->set_commits(writer.commits);
    response->set_writer_queue(writer.queued_jobs);
    response->set_oldest_waiting_ms(writer.oldest_waiting_ms);
  });
}

grpc::Status AdminService::Backup(grpc::ServerContext* context, const v1::BackupRequest* request,
                                  v1::BackupResponse* response) {
  return gate_.run(*context, "/hooke.v1.AdminService/Backup", [&](const access::Caller&) {
    const auto file = storage::back_up(database_, request->backup_id());
    response->set_path(file.path.string());
    response->set_bytes(file.bytes);
  });
}

grpc::Status AdminService::CollectGarbage(grpc::ServerContext* context,
                                          const v1::CollectGarbageRequest* request,
                                          v1::CollectGarbageResponse* response) {
  return gate_.run(*context, "/hooke.v1.AdminService/CollectGarbage", [&](const access::Caller&) {
    if (request->validate_only()) {
      auto snapshot = readers_.snapshot();
      response->set_bytes(storage::free_bytes(snapshot) + storage::garbage_bytes(snapshot));
    } else {
      response->set_bytes(deletion_.collect_all([&] { return context->IsCancelled(); }));
    }
  });
}

grpc::Status AdminService::Verify(grpc::ServerContext* context, const v1::VerifyRequest*,
                                  v1::VerifyResponse* response) {
  return gate_.run(*context, "/hooke.v1.AdminService/Verify", [&](const access::Caller&) {
    for (std::string& problem : storage::verify(database_)) response->add_problems(std::move(problem));
  });
}

grpc::Status AdminService::ReadRecords(grpc::ServerContext* context, const v1::ReadRecordsRequest* request,
                                       grpc::ServerWriter<v1::ReadRecordsResponse>* writer) {
  return gate_.run(*context, "/hooke.v1.AdminService/ReadRecords", [&](const access::Caller& caller) {
    query::read_records(readers_, request->run(), [&](const v1::ReadRecordsResponse& message) {
      gate_.check_again(caller);
      if (!writer->Write(message)) throw Error(Code::kCancelled, "the caller is gone");
    });
  });
}

}  // namespace hooke::services
