#include "server/services/worker_service.h"

#include <google/protobuf/util/time_util.h>

#include "server/query/find.h"
#include "server/query/resources.h"
#include "server/services/offline.h"
#include "server/services/refused_stream.h"
#include "server/services/worker_stream.h"

namespace hooke::services {
namespace {

using google::protobuf::util::TimeUtil;

constexpr const char* kService = "/hooke.v1.WorkerService/";

static_assert(static_cast<int>(storage::Outcome::kSucceeded) == v1::OUTCOME_SUCCEEDED);
static_assert(static_cast<int>(storage::Outcome::kReturned) == v1::OUTCOME_RETURNED);

storage::AttemptKey key_of(const v1::AttemptRef& attempt) {
  return {attempt.run(), attempt.attempt(), attempt.token()};
}

google::protobuf::Duration duration(std::chrono::milliseconds time) {
  return TimeUtil::MillisecondsToDuration(time.count());
}

scheduling::LeaseRequest record_of(const v1::LeaseRequest& request) {
  scheduling::LeaseRequest lease;
  lease.request_id = request.request_id();
  lease.worker = request.worker();
  lease.labels.insert(request.labels().begin(), request.labels().end());
  lease.devices.assign(request.devices().begin(), request.devices().end());
  lease.version = request.version();
  lease.run = request.run();
  if (request.has_slurm()) lease.slurm = query::slurm_record(request.slurm());
  return lease;
}

void fill(v1::LeaseGrant& to, const scheduling::LeaseGrant& grant) {
  to.set_run(query::resource_name(grant.run));
  to.set_run_id(grant.run.run_id);
  to.set_attempt(grant.attempt);
  to.set_attempt_id(grant.attempt_id);
  to.set_token(grant.token);
  *to.mutable_period() = duration(grant.period);
  to.set_config_json(grant.run.config_json);
  for (const auto& barrier : grant.barriers) {
    auto* entry = to.add_barriers();
    entry->set_attempt(barrier.attempt);
    entry->set_record(barrier.record);
    entry->set_step(barrier.step);
    entry->set_attempt_id(barrier.attempt_id);
  }
  to.set_must_resume(grant.run.must_resume);
  to.set_committed_record(grant.committed_record);
}

}  // namespace

grpc::Status WorkerService::Lease(grpc::ServerContext* context, const v1::LeaseRequest* request,
                                  v1::LeaseResponse* response) {
  return gate_.run(*context, std::string(kService) + "Lease", [&](const access::Caller& caller) {
    if (request->has_offline()) {
      fill(*response->mutable_grant(), queue_.lease_segment(plan_segment(*request, caller.owner)));
    } else if (const auto grant = queue_.lease(record_of(*request))) {
      fill(*response->mutable_grant(), *grant);
    } else {
      *response->mutable_retry_after() = duration(queue_.options().retry_after);
    }
  });
}

grpc::Status WorkerService::Heartbeat(grpc::ServerContext* context, const v1::HeartbeatRequest* request,
                                      v1::HeartbeatResponse* response) {
  return gate_.run(*context, std::string(kService) + "Heartbeat", [&](const access::Caller&) {
    std::optional<storage::SlurmJob> slurm;
    if (request->has_slurm()) slurm = query::slurm_record(request->slurm());
    *response->mutable_period() = duration(queue_.heartbeat(key_of(request->attempt()), slurm));
  });
}

grpc::Status WorkerService::Finish(grpc::ServerContext* context, const v1::FinishRequest* request,
                                   v1::FinishResponse* response) {
  return gate_.run(*context, std::string(kService) + "Finish", [&](const access::Caller&) {
    if (request->outcome() < v1::OUTCOME_SUCCEEDED || request->outcome() > v1::OUTCOME_RETURNED)
      throw invalid("outcome", std::to_string(request->outcome()) +
                                   " is not allowed; it is succeeded, failed, crashed or returned");
    scheduling::FinishRequest finish;
    finish.attempt = key_of(request->attempt());
    finish.outcome = static_cast<storage::Outcome>(request->outcome());
    finish.reason = query::reason_record(request->reason());
    finish.log_tail.assign(request->log_tail().begin(), request->log_tail().end());
    finish.last_record = request->last_record();
    response->set_state(static_cast<v1::RunState>(queue_.finish(finish)));
  });
}

grpc::ServerBidiReactor<v1::StreamRequest, v1::StreamResponse>* WorkerService::Stream(
    grpc::CallbackServerContext* context) {
  access::Caller caller;
  const auto status = gate_.run(*context, std::string(kService) + "Stream",
                                [&](const access::Caller& found) { caller = found; });
  if (!status.ok()) return new RefusedStream<v1::StreamRequest, v1::StreamResponse>(status);
  return WorkerStream::start(ingest_, streams_, caller);
}

}  // namespace hooke::services
