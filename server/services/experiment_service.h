// hooke.v1.ExperimentService. Owned by server/app; gRPC's threads call it.
#pragma once

#include <string>

#include "hooke/v1/experiment.grpc.pb.h"
#include "server/ingest/import.h"
#include "server/scheduling/deletion.h"
#include "server/scheduling/queue.h"
#include "server/services/gate.h"
#include "server/services/idle_calls.h"
#include "server/services/open_streams.h"
#include "server/services/work_pool.h"
#include "server/storage/changes.h"
#include "server/storage/readers.h"
#include "server/storage/writer.h"

namespace hooke::services {

class ExperimentService final
    : public v1::ExperimentService::WithCallbackMethod_WatchRuns<v1::ExperimentService::Service> {
 public:
  ExperimentService(const Gate& gate, scheduling::Queue& queue, scheduling::Deletion& deletion,
                    ingest::Importer& importer, storage::Writer& writer, storage::Readers& readers,
                    storage::Changes& changes, WorkPool& pool, OpenStreams& streams, IdleCalls& idle,
                    storage::Clock clock)
      : gate_(gate),
        queue_(queue),
        deletion_(deletion),
        importer_(importer),
        writer_(writer),
        readers_(readers),
        changes_(changes),
        pool_(pool),
        streams_(streams),
        idle_(idle),
        clock_(std::move(clock)) {}

  grpc::Status CheckConfig(grpc::ServerContext* context, const v1::CheckConfigRequest* request,
                           v1::CheckConfigResponse* response) override;
  grpc::Status SubmitExperiment(grpc::ServerContext* context, const v1::SubmitExperimentRequest* request,
                                v1::SubmitExperimentResponse* response) override;
  grpc::Status GetExperiment(grpc::ServerContext* context, const v1::GetExperimentRequest* request,
                             v1::Experiment* response) override;
  grpc::Status ListExperiments(grpc::ServerContext* context, const v1::ListExperimentsRequest* request,
                               v1::ListExperimentsResponse* response) override;
  grpc::Status GetRun(grpc::ServerContext* context, const v1::GetRunRequest* request,
                      v1::Run* response) override;
  grpc::Status ListRuns(grpc::ServerContext* context, const v1::ListRunsRequest* request,
                        v1::ListRunsResponse* response) override;
  grpc::Status Lookup(grpc::ServerContext* context, const v1::LookupRequest* request,
                      v1::LookupResponse* response) override;
  grpc::Status CancelRun(grpc::ServerContext* context, const v1::CancelRunRequest* request,
                         v1::Run* response) override;
  grpc::Status RetryRun(grpc::ServerContext* context, const v1::RetryRunRequest* request,
                        v1::Run* response) override;
  grpc::Status ListWorkers(grpc::ServerContext* context, const v1::ListWorkersRequest* request,
                           v1::ListWorkersResponse* response) override;
  grpc::Status ImportSeries(grpc::ServerContext* context, grpc::ServerReader<v1::ImportSeriesRequest>* reader,
                            v1::ImportSeriesResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchRunsResponse>* WatchRuns(grpc::CallbackServerContext* context,
                                                             const v1::WatchRunsRequest* request) override;
  grpc::Status ExtendRun(grpc::ServerContext* context, const v1::ExtendRunRequest* request,
                         v1::Run* response) override;

  // In experiment_edits.cpp.
  grpc::Status UpdateTags(grpc::ServerContext* context, const v1::UpdateTagsRequest* request,
                          v1::UpdateTagsResponse* response) override;
  grpc::Status UpdateNote(grpc::ServerContext* context, const v1::UpdateNoteRequest* request,
                          v1::UpdateNoteResponse* response) override;
  grpc::Status Archive(grpc::ServerContext* context, const v1::ArchiveRequest* request,
                       v1::ArchiveResponse* response) override;
  grpc::Status DeleteRun(grpc::ServerContext* context, const v1::DeleteRunRequest* request,
                         v1::DeleteResponse* response) override;
  grpc::Status DeleteExperiment(grpc::ServerContext* context, const v1::DeleteExperimentRequest* request,
                                v1::DeleteResponse* response) override;
  grpc::Status UpdateSlurmJobs(grpc::ServerContext* context, const v1::UpdateSlurmJobsRequest* request,
                               google::protobuf::Empty* response) override;

 private:
  // The run's id, from any way to name it.
  std::string run_id(const std::string& name);

  const Gate& gate_;
  scheduling::Queue& queue_;
  scheduling::Deletion& deletion_;
  ingest::Importer& importer_;
  storage::Writer& writer_;
  storage::Readers& readers_;
  storage::Changes& changes_;
  WorkPool& pool_;
  OpenStreams& streams_;
  IdleCalls& idle_;
  const storage::Clock clock_;
};

}  // namespace hooke::services
