#include "server/services/worker_service.h"

#include <google/protobuf/util/time_util.h>

#include "server/query/find.h"
#include "server/query/resources.h"
#include "server/services/offline.h"
#include "server/services/refused_stream.h"
#include "server/services/submit.h"
#include "server/services/worker_stream.h"

namespace hooke::services {
namespace {

using google::protobuf::util::TimeUtil;

static_assert(static_cast<int>(storage::Outcome::kSucceeded) == v1::OUTCOME_SUCCEEDED);
static_assert(static_cast<int>(storage::Outcome::kReturned) == v1::OUTCOME_RETURNED);

storage::AttemptKey key_of(const v1::AttemptRef& attempt) {
  return {attempt.run(), attempt.attempt(), attempt.token()};
}

google::protobuf::Duration duration(std::chrono::milliseconds time) {
  return TimeUtil::MillisecondsToDuration(time.count());
}

// Of a node; each is named, as cuda:0.
constexpr int kMostDevices = 64;

void check_worker(const v1::LeaseRequest& request) {
  check_pairs("labels", request.labels());
  if (request.devices_size() > kMostDevices)
    throw invalid("devices", std::to_string(request.devices_size()) + " are too many; at most " +
                                 std::to_string(kMostDevices));
  for (const std::string& device : request.devices()) check_shown("devices", device);
  check_shown("version", request.version());
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

grpc::ServerUnaryReactor* WorkerService::Lease(grpc::CallbackServerContext* context,
                                               const v1::LeaseRequest* request, v1::LeaseResponse* response) {
  return gate_.start(
      *context, "/hooke.v1.WorkerService/Lease", [&](const access::Caller& caller, auto finish) {
        check_worker(*request);
        if (request->has_offline()) {
          queue_.lease_segment(plan_segment(*request, caller.owner),
                               [response, finish](const std::exception_ptr& error, auto grant) {
                                 if (grant) fill(*response->mutable_grant(), *grant);
                                 finish(error);
                               });
          return;
        }
        queue_.lease(record_of(*request),
                     [this, response, finish](const std::exception_ptr& error, auto grant) {
                       if (grant && *grant) {
                         fill(*response->mutable_grant(), **grant);
                       } else {
                         *response->mutable_retry_after() = duration(queue_.options().retry_after);
                       }
                       finish(error);
                     });
      });
}

grpc::ServerUnaryReactor* WorkerService::Heartbeat(grpc::CallbackServerContext* context,
                                                   const v1::HeartbeatRequest* request,
                                                   v1::HeartbeatResponse* response) {
  return gate_.start(*context, "/hooke.v1.WorkerService/Heartbeat", [&](const access::Caller&, auto finish) {
    std::optional<storage::SlurmJob> slurm;
    if (request->has_slurm()) slurm = query::slurm_record(request->slurm());
    queue_.heartbeat(key_of(request->attempt()), std::move(slurm),
                     [response, finish](const std::exception_ptr& error, auto period) {
                       if (period) *response->mutable_period() = duration(*period);
                       finish(error);
                     });
  });
}

grpc::ServerUnaryReactor* WorkerService::Finish(grpc::CallbackServerContext* context,
                                                const v1::FinishRequest* request,
                                                v1::FinishResponse* response) {
  return gate_.start(*context, "/hooke.v1.WorkerService/Finish", [&](const access::Caller&, auto finish) {
    if (request->outcome() < v1::OUTCOME_SUCCEEDED || request->outcome() > v1::OUTCOME_RETURNED)
      throw invalid("outcome", std::to_string(request->outcome()) +
                                   " is not allowed; it is succeeded, failed, crashed or returned");
    scheduling::FinishRequest record;
    record.attempt = key_of(request->attempt());
    record.outcome = static_cast<storage::Outcome>(request->outcome());
    record.reason = query::reason_record(request->reason());
    record.log_tail.assign(request->log_tail().begin(), request->log_tail().end());
    record.last_record = request->last_record();
    queue_.finish(std::move(record), [response, finish](const std::exception_ptr& error, auto state) {
      if (state) response->set_state(static_cast<v1::RunState>(*state));
      finish(error);
    });
  });
}

grpc::ServerBidiReactor<v1::StreamRequest, v1::StreamResponse>* WorkerService::Stream(
    grpc::CallbackServerContext* context) {
  access::Caller caller;
  const auto status = gate_.run(*context, "/hooke.v1.WorkerService/Stream",
                                [&](const access::Caller& found) { caller = found; });
  if (!status.ok()) return new RefusedStream<v1::StreamRequest, v1::StreamResponse>(status);
  return WorkerStream::start(ingest_, streams_, caller);
}

}  // namespace hooke::services
