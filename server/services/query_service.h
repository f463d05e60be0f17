// hooke.v1.QueryService. Owned by server/app; gRPC's threads call it.
#pragma once

#include "hooke/v1/query.grpc.pb.h"
#include "server/services/gate.h"
#include "server/services/open_streams.h"
#include "server/services/work_pool.h"
#include "server/storage/changes.h"
#include "server/storage/readers.h"

namespace hooke::services {

class QueryService final : public v1::QueryService::WithCallbackMethod_ExportRun<
                               v1::QueryService::WithCallbackMethod_Tail<v1::QueryService::Service>> {
 public:
  QueryService(const Gate& gate, storage::Readers& readers, storage::Changes& changes, WorkPool& pool,
               OpenStreams& streams)
      : gate_(gate), readers_(readers), changes_(changes), pool_(pool), streams_(streams) {}

  grpc::Status ListSeries(grpc::ServerContext* context, const v1::ListSeriesRequest* request,
                          v1::ListSeriesResponse* response) override;
  grpc::Status GetSeries(grpc::ServerContext* context, const v1::GetSeriesRequest* request,
                         v1::GetSeriesResponse* response) override;
  grpc::Status GetInfluence(grpc::ServerContext* context, const v1::GetInfluenceRequest* request,
                            v1::GetInfluenceResponse* response) override;
  grpc::Status GetInfluenceDifference(grpc::ServerContext* context,
                                      const v1::GetInfluenceDifferenceRequest* request,
                                      v1::GetInfluenceDifferenceResponse* response) override;
  grpc::Status GetUpdateSizes(grpc::ServerContext* context, const v1::GetUpdateSizesRequest* request,
                              v1::GetUpdateSizesResponse* response) override;
  grpc::Status GetPairs(grpc::ServerContext* context, const v1::GetPairsRequest* request,
                        v1::GetPairsResponse* response) override;
  grpc::Status GetPhases(grpc::ServerContext* context, const v1::GetPhasesRequest* request,
                         v1::GetPhasesResponse* response) override;
  grpc::Status CompareRuns(grpc::ServerContext* context, const v1::CompareRunsRequest* request,
                           v1::CompareRunsResponse* response) override;
  grpc::ServerWriteReactor<v1::TailResponse>* Tail(grpc::CallbackServerContext* context,
                                                   const v1::TailRequest* request) override;
  grpc::ServerWriteReactor<v1::ExportRunResponse>* ExportRun(grpc::CallbackServerContext* context,
                                                             const v1::ExportRunRequest* request) override;

 private:
  const Gate& gate_;
  storage::Readers& readers_;
  storage::Changes& changes_;
  WorkPool& pool_;
  OpenStreams& streams_;
};

}  // namespace hooke::services
