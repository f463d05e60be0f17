#include "server/services/query_service.h"

#include "server/query/compare.h"
#include "server/query/export.h"
#include "server/query/influence.h"
#include "server/query/influence_difference.h"
#include "server/query/pairs.h"
#include "server/query/phases.h"
#include "server/query/series.h"
#include "server/query/sizes.h"
#include "server/query/tail.h"
#include "server/services/feed.h"
#include "server/services/refused_stream.h"

namespace hooke::services {
grpc::Status QueryService::ListSeries(grpc::ServerContext* context, const v1::ListSeriesRequest* request,
                                      v1::ListSeriesResponse* response) {
  return gate_.run(*context, "/hooke.v1.QueryService/ListSeries", [&](const access::Caller&) {
    auto snapshot = readers_.snapshot();
    *response = query::list_series(snapshot, *request);
  });
}

grpc::Status QueryService::GetSeries(grpc::ServerContext* context, const v1::GetSeriesRequest* request,
                                     v1::GetSeriesResponse* response) {
  return gate_.run(*context, "/hooke.v1.QueryService/GetSeries", [&](const access::Caller&) {
    auto snapshot = readers_.snapshot();
    *response = query::get_series(snapshot, *request);
  });
}

grpc::Status QueryService::GetInfluence(grpc::ServerContext* context, const v1::GetInfluenceRequest* request,
                                        v1::GetInfluenceResponse* response) {
  return gate_.run(*context, "/hooke.v1.QueryService/GetInfluence",
                   [&](const access::Caller&) { *response = query::get_influence(readers_, *request); });
}

grpc::Status QueryService::GetInfluenceDifference(grpc::ServerContext* context,
                                                  const v1::GetInfluenceDifferenceRequest* request,
                                                  v1::GetInfluenceDifferenceResponse* response) {
  return gate_.run(*context, "/hooke.v1.QueryService/GetInfluenceDifference", [&](const access::Caller&) {
    *response = query::get_influence_difference(readers_, *request);
  });
}

grpc::Status QueryService::GetUpdateSizes(grpc::ServerContext* context,
                                          const v1::GetUpdateSizesRequest* request,
                                          v1::GetUpdateSizesResponse* response) {
  return gate_.run(*context, "/hooke.v1.QueryService/GetUpdateSizes",
                   [&](const access::Caller&) { *response = query::get_update_sizes(readers_, *request); });
}

grpc::Status QueryService::GetPairs(grpc::ServerContext* context, const v1::GetPairsRequest* request,
                                    v1::GetPairsResponse* response) {
  return gate_.run(*context, "/hooke.v1.QueryService/GetPairs", [&](const access::Caller&) {
    auto snapshot = readers_.snapshot();
    *response = query::get_pairs(snapshot, *request);
  });
}

grpc::Status QueryService::GetPhases(grpc::ServerContext* context, const v1::GetPhasesRequest* request,
                                     v1::GetPhasesResponse* response) {
  return gate_.run(*context, "/hooke.v1.QueryService/GetPhases",
                   [&](const access::Caller&) { *response = query::get_phases(readers_, *request); });
}

grpc::Status QueryService::CompareRuns(grpc::ServerContext* context, const v1::CompareRunsRequest* request,
                                       v1::CompareRunsResponse* response) {
  return gate_.run(*context, "/hooke.v1.QueryService/CompareRuns", [&](const access::Caller&) {
    auto snapshot = readers_.snapshot();
    *response = query::compare_runs(snapshot, *request);
  });
}

grpc::ServerWriteReactor<v1::TailResponse>* QueryService::Tail(grpc::CallbackServerContext* context,
                                                               const v1::TailRequest* request) {
  access::Caller caller;
  const auto status = gate_.run(*context, "/hooke.v1.QueryService/Tail",
                                [&](const access::Caller& found) { caller = found; });
  if (!status.ok()) return new RefusedFeed<v1::TailResponse>(status);
  const auto make = [this, wanted = *request] { return std::make_unique<query::Tail>(readers_, wanted); };
  return Feed<query::Tail, v1::TailResponse>::start(make, changes_, pool_, streams_, caller);
}

grpc::ServerWriteReactor<v1::ExportRunResponse>* QueryService::ExportRun(
    grpc::CallbackServerContext* context, const v1::ExportRunRequest* request) {
  access::Caller caller;
  const auto status = gate_.run(*context, "/hooke.v1.QueryService/ExportRun",
                                [&](const access::Caller& found) { caller = found; });
  if (!status.ok()) return new RefusedFeed<v1::ExportRunResponse>(status);
  const auto make = [this, wanted = *request] {
    return std::make_unique<query::RunExport>(readers_, wanted);
  };
  return Feed<query::RunExport, v1::ExportRunResponse>::start(make, changes_, pool_, streams_, caller);
}

}  // namespace hooke::services
