#include "server/services/experiment_service.h"

#include "proto/hooke/run_config.h"
#include "proto/hooke/yaml_config.h"
#include "server/query/find.h"
#include "server/query/lists.h"
#include "server/query/paging.h"
#include "server/query/resources.h"
#include "server/query/tail.h"
#include "server/services/feed.h"
#include "server/services/refused_stream.h"
#include "server/services/submit.h"

namespace hooke::services {
namespace {

constexpr TimeUs kDayUs = 86'400'000'000;

// What to ask of the queue for a run that is to be trained for `epochs` in all.
scheduling::ExtendRequest plan_extension(const storage::Run& run, std::int32_t epochs,
                                         const std::string& by) {
  v1::RunConfig config = parse_config(run.config_json, run.run_id);
  if (epochs <= config.training().epochs())
    throw invalid("epochs", std::to_string(epochs) + " is not allowed; more than the " +
                                std::to_string(config.training().epochs()) + " that the run has");
  config.mutable_training()->set_epochs(epochs);
  const std::string why =
      "extended to " + std::to_string(epochs) + " epochs" + (by.empty() ? "" : " by " + by);
  return {run.run_id, run.config_json, canonical_json(complete(std::move(config))), why};
}

// Without the configurations when they would make the answer too large; GetRun has them.
void keep_small(v1::SubmitExperimentResponse& response) {
  if (response.ByteSizeLong() < query::kLargeAnswerBytes) return;
  for (auto& run : *response.mutable_runs()) {
    run.clear_config();
    run.clear_config_json();
  }
}

}  // namespace

std::string ExperimentService::run_id(const std::string& name) {
  auto snapshot = readers_.snapshot();
  return query::find_run(snapshot, name, "name").run_id;
}

grpc::Status ExperimentService::CheckConfig(grpc::ServerContext* context,
                                            const v1::CheckConfigRequest* request,
                                            v1::CheckConfigResponse* response) {
  return gate_.run(*context, "/hooke.v1.ExperimentService/CheckConfig", [&](const access::Caller&) {
    *response->mutable_config() = complete(request->config());
    response->set_config_json(canonical_json(response->config()));
  });
}

grpc::Status ExperimentService::SubmitExperiment(grpc::ServerContext* context,
                                                 const v1::SubmitExperimentRequest* request,
                                                 v1::SubmitExperimentResponse* response) {
  return gate_.run(
      *context, "/hooke.v1.ExperimentService/SubmitExperiment", [&](const access::Caller& caller) {
        const auto plan = plan_submit(*request, caller.owner);
        if (request->validate_only()) {
          *response = preview(plan);
        } else {
          const auto result = queue_.submit(plan);
          auto snapshot = readers_.snapshot();
          *response->mutable_experiment() = query::experiment_resource(snapshot, result.experiment);
          for (const auto& run : result.runs) {
            *response->add_runs() = query::run_resource(snapshot, run);
            query::add_config(run, *response->mutable_runs(response->runs_size() - 1));
          }
        }
        keep_small(*response);
      });
}

grpc::Status ExperimentService::GetExperiment(grpc::ServerContext* context,
                                              const v1::GetExperimentRequest* request,
                                              v1::Experiment* response) {
  return gate_.run(*context, "/hooke.v1.ExperimentService/GetExperiment", [&](const access::Caller&) {
    auto snapshot = readers_.snapshot();
    *response =
        query::experiment_resource(snapshot, query::find_experiment(snapshot, request->name(), "name"));
  });
}

grpc::Status ExperimentService::ListExperiments(grpc::ServerContext* context,
                                                const v1::ListExperimentsRequest* request,
                                                v1::ListExperimentsResponse* response) {
  return gate_.run(*context, "/hooke.v1.ExperimentService/ListExperiments", [&](const access::Caller&) {
    auto snapshot = readers_.snapshot();
    *response = query::list_experiments(snapshot, *request, clock_());
  });
}

grpc::Status ExperimentService::GetRun(grpc::ServerContext* context, const v1::GetRunRequest* request,
                                       v1::Run* response) {
  return gate_.run(*context, "/hooke.v1.ExperimentService/GetRun", [&](const access::Caller&) {
    auto snapshot = readers_.snapshot();
    *response = query::whole_run_resource(snapshot, query::find_run(snapshot, request->name(), "name"));
  });
}

grpc::Status ExperimentService::ListRuns(grpc::ServerContext* context, const v1::ListRunsRequest* request,
                                         v1::ListRunsResponse* response) {
  return gate_.run(*context, "/hooke.v1.ExperimentService/ListRuns", [&](const access::Caller&) {
    auto snapshot = readers_.snapshot();
    *response = query::list_runs(snapshot, *request, clock_());
  });
}

grpc::Status ExperimentService::Lookup(grpc::ServerContext* context, const v1::LookupRequest* request,
                                       v1::LookupResponse* response) {
  return gate_.run(*context, "/hooke.v1.ExperimentService/Lookup", [&](const access::Caller&) {
    auto snapshot = readers_.snapshot();
    const auto found = query::lookup(snapshot, request->reference(), "reference");
    if (const auto* run = std::get_if<storage::Run>(&found)) {
      *response->mutable_run() = query::run_resource(snapshot, *run);
    } else {
      *response->mutable_experiment() =
          query::experiment_resource(snapshot, std::get<storage::Experiment>(found));
    }
  });
}

grpc::Status ExperimentService::CancelRun(grpc::ServerContext* context, const v1::CancelRunRequest* request,
                                          v1::Run* response) {
  return gate_.run(*context, "/hooke.v1.ExperimentService/CancelRun", [&](const access::Caller& caller) {
    const auto run = queue_.cancel(run_id(request->name()), caller.owner);
    auto snapshot = readers_.snapshot();
    *response = query::run_resource(snapshot, run);
  });
}

grpc::Status ExperimentService::RetryRun(grpc::ServerContext* context, const v1::RetryRunRequest* request,
                                         v1::Run* response) {
  return gate_.run(*context, "/hooke.v1.ExperimentService/RetryRun", [&](const access::Caller& caller) {
    const auto run = queue_.retry(run_id(request->name()), caller.owner);
    auto snapshot = readers_.snapshot();
    *response = query::run_resource(snapshot, run);
  });
}

grpc::Status ExperimentService::ExtendRun(grpc::ServerContext* context, const v1::ExtendRunRequest* request,
                                          v1::Run* response) {
  return gate_.run(*context, "/hooke.v1.ExperimentService/ExtendRun", [&](const access::Caller& caller) {
    const auto before = [&] {
      auto snapshot = readers_.snapshot();
      return query::find_run(snapshot, request->name(), "name");
    }();
    const auto run = queue_.extend(plan_extension(before, request->epochs(), caller.owner));
    auto snapshot = readers_.snapshot();
    *response = query::run_resource(snapshot, run);
  });
}

grpc::Status ExperimentService::ListWorkers(grpc::ServerContext* context,
                                            const v1::ListWorkersRequest* request,
                                            v1::ListWorkersResponse* response) {
  return gate_.run(*context, "/hooke.v1.ExperimentService/ListWorkers", [&](const access::Caller&) {
    const auto size = query::page_size_of(request->page_size());
    auto snapshot = readers_.snapshot();
    response->set_next_page_token(query::fill_pages(
        *response, size, request->page_token(),
        [&](const storage::PageRequest& page) {
          return storage::list_workers(snapshot, clock_() - kDayUs, page);
        },
        [&](const storage::Worker& worker) { *response->add_workers() = query::worker_resource(worker); }));
  });
}

grpc::ServerWriteReactor<v1::WatchRunsResponse>* ExperimentService::WatchRuns(
    grpc::CallbackServerContext* context, const v1::WatchRunsRequest* request) {
  access::Caller caller;
  const auto status = gate_.run(*context, "/hooke.v1.ExperimentService/WatchRuns",
                                [&](const access::Caller& found) { caller = found; });
  if (!status.ok()) return new RefusedFeed<v1::WatchRunsResponse>(status);
  const auto make = [this, wanted = *request] { return std::make_unique<query::RunWatch>(readers_, wanted); };
  return Feed<query::RunWatch, v1::WatchRunsResponse>::start(make, changes_, pool_, streams_, caller);
}

grpc::Status ExperimentService::ImportSeries(grpc::ServerContext* context,
                                             grpc::ServerReader<v1::ImportSeriesRequest>* reader,
                                             v1::ImportSeriesResponse* response) {
  return gate_.run(*context, "/hooke.v1.ExperimentService/ImportSeries", [&](const access::Caller& caller) {
    ingest::Import import(importer_);
    {
      IdleCalls::Reading reading(idle_, *context);
      for (v1::ImportSeriesRequest request; reader->Read(&request); reading.heard()) {
        gate_.check_again(caller);
        import.add(request);
      }
      reading.check();
    }
    const auto run = import.commit(caller.owner);
    auto snapshot = readers_.snapshot();
    *response->mutable_run() = query::run_resource(snapshot, run);
    response->set_points(import.points());
  });
}

grpc::Status ExperimentService::UpdateSlurmJobs(grpc::ServerContext* context,
                                                const v1::UpdateSlurmJobsRequest* request,
                                                google::protobuf::Empty*) {
  return gate_.run(*context, "/hooke.v1.ExperimentService/UpdateSlurmJobs", [&](const access::Caller&) {
    std::vector<scheduling::SlurmReport> reports;
    for (const v1::RunSlurmJob& job : request->jobs())
      reports.push_back({job.run(), query::slurm_record(job.job())});
    queue_.update_slurm_jobs(reports);
  });
}

}  // namespace hooke::services
