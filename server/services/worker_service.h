// hooke.v1.WorkerService. Owned by server/app; gRPC's threads call it.
#pragma once

#include "hooke/v1/worker.grpc.pb.h"
#include "server/ingest/ingest.h"
#include "server/scheduling/queue.h"
#include "server/services/gate.h"
#include "server/services/open_streams.h"

namespace hooke::services {

// A worker's calls wait for the writer, and there may be thousands of workers: none of them has a thread.
using CallbackWorkerService = v1::WorkerService::WithCallbackMethod_Lease<
    v1::WorkerService::WithCallbackMethod_Heartbeat<v1::WorkerService::WithCallbackMethod_Finish<
        v1::WorkerService::WithCallbackMethod_Stream<v1::WorkerService::Service>>>>;

class WorkerService final : public CallbackWorkerService {
 public:
  WorkerService(const Gate& gate, scheduling::Queue& queue, ingest::Ingest& ingest, OpenStreams& streams)
      : gate_(gate), queue_(queue), ingest_(ingest), streams_(streams) {}

  grpc::ServerUnaryReactor* Lease(grpc::CallbackServerContext* context, const v1::LeaseRequest* request,
                                  v1::LeaseResponse* response) override;
  grpc::ServerUnaryReactor* Heartbeat(grpc::CallbackServerContext* context,
                                      const v1::HeartbeatRequest* request,
                                      v1::HeartbeatResponse* response) override;
  grpc::ServerUnaryReactor* Finish(grpc::CallbackServerContext* context, const v1::FinishRequest* request,
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
