// hooke.v1.WorkerService. Owned by server/app; gRPC's threads call it.
#pragma once

#include "hooke/v1/worker.grpc.pb.h"
#include "server/ingest/ingest.h"
#include "server/scheduling/queue.h"
#include "server/services/gate.h"
#include "server/services/open_streams.h"

namespace hooke::services {

class WorkerService final : public v1::WorkerService::WithCallbackMethod_Stream<v1::WorkerService::Service> {
 public:
  WorkerService(const Gate& gate, scheduling::Queue& queue, ingest::Ingest& ingest, OpenStreams& streams)
      : gate_(gate), queue_(queue), ingest_(ingest), streams_(streams) {}

  grpc::Status Lease(grpc::ServerContext* context, const v1::LeaseRequest* request,
                     v1::LeaseResponse* response) override;
  grpc::Status Heartbeat(grpc::ServerContext* context, const v1::HeartbeatRequest* request,
                         v1::HeartbeatResponse* response) override;
  grpc::Status Finish(grpc::ServerContext* context, const v1::FinishRequest* request,
                      v1::FinishResponse* response) override;
  grpc::ServerBidiReactor<v1::StreamRequest, v1::StreamResponse>* Stream(
      grpc::CallbackServerContext* context) override;

 private:
  const Gate& gate_;
  scheduling::Queue& queue_;
  ingest::Ingest& ingest_;
  OpenStreams& streams_;
};

}  // namespace hooke::services
