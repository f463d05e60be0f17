#include "tests/unit/client/fake_server.h"

#include <grpcpp/ext/health_check_service_server_builder_option.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <algorithm>
#include <condition_variable>
#include <limits>
#include <mutex>

#include "hooke/v1/admin.grpc.pb.h"
#include "hooke/v1/experiment.grpc.pb.h"
#include "hooke/v1/query.grpc.pb.h"
#include "proto/hooke/channel.h"

namespace hooke::test {
namespace {

struct Shared {
  std::mutex mutex;  // guards the rest
  std::condition_variable changed;
  Script script;
  int changes = 0;
  bool stopping = false;
};

// What every method does first: counts, tells its version, checks the token.
grpc::Status enter(Shared& shared, grpc::ServerContext& context) {
  const std::lock_guard lock(shared.mutex);
  Script& script = shared.script;
  ++script.calls;
  context.AddInitialMetadata(kVersionKey, script.version);
  if (script.unavailable > 0) {
    --script.unavailable;
    return {grpc::StatusCode::UNAVAILABLE, "not now"};
  }
  if (script.token.empty()) return grpc::Status::OK;
  const auto found = context.client_metadata().find(kAuthorizationKey);
  if (found == context.client_metadata().end()) return {grpc::StatusCode::UNAUTHENTICATED, "no token"};
  const std::string shown(found->second.data(), found->second.size());
  if (shown != kBearer + script.token) return {grpc::StatusCode::UNAUTHENTICATED, "unknown token"};
  return grpc::Status::OK;
}

bool finished(const v1::Run& run) {
  return run.state() >= v1::RUN_STATE_SUCCEEDED;
}

class Experiments : public v1::ExperimentService::Service {
 public:
  explicit Experiments(Shared& shared) : shared_(shared) {}

  grpc::Status SubmitExperiment(grpc::ServerContext* context, const v1::SubmitExperimentRequest* request,
                                v1::SubmitExperimentResponse* response) override {
    if (const auto status = enter(shared_, *context); !status.ok()) return status;
    const std::lock_guard lock(shared_.mutex);
    shared_.script.submitted = *request;
    *response->mutable_experiment() = shared_.script.experiments.front();
    for (const v1::Run& run : shared_.script.runs) *response->add_runs() = run;
    return grpc::Status::OK;
  }

  grpc::Status Lookup(grpc::ServerContext* context, const v1::LookupRequest* request,
                      v1::LookupResponse* response) override {
    if (const auto status = enter(shared_, *context); !status.ok()) return status;
    const std::lock_guard lock(shared_.mutex);
    for (const v1::Experiment& experiment : shared_.script.experiments)
      if (experiment.name() == "experiments/" + request->reference()) {
        *response->mutable_experiment() = experiment;
        return grpc::Status::OK;
      }
    std::vector<const v1::Run*> found;
    for (const v1::Run& run : shared_.script.runs)
      if (run.run_id().starts_with(request->reference())) found.push_back(&run);
    if (found.empty())
      return {grpc::StatusCode::NOT_FOUND, "no run or experiment is named '" + request->reference() + "'"};
    if (found.size() > 1)
      return {grpc::StatusCode::INVALID_ARGUMENT, "'" + request->reference() + "' is ambiguous: " +
                                                      found[0]->run_id() + ", " + found[1]->run_id()};
    *response->mutable_run() = *found[0];
    return grpc::Status::OK;
  }

  grpc::Status GetRun(grpc::ServerContext* context, const v1::GetRunRequest* request,
                      v1::Run* response) override {
    if (const auto status = enter(shared_, *context); !status.ok()) return status;
    const std::lock_guard lock(shared_.mutex);
    for (const v1::Run& run : shared_.script.runs)
      if (run.name() == request->name()) {
        *response = run;
        return grpc::Status::OK;
      }
    return {grpc::StatusCode::NOT_FOUND, "no run " + request->name()};
  }

  grpc::Status ListRuns(grpc::ServerContext* context, const v1::ListRunsRequest* request,
                        v1::ListRunsResponse* response) override {
    if (const auto status = enter(shared_, *context); !status.ok()) return status;
    const std::lock_guard lock(shared_.mutex);
    shared_.script.runs_asked = *request;
    // One run a page: callers must turn it.
    const auto& runs = shared_.script.runs;
    const std::size_t at = request->page_token().empty() ? 0 : std::stoul(request->page_token());
    if (at < runs.size()) *response->add_runs() = runs[at];
    if (at + 1 < runs.size()) response->set_next_page_token(std::to_string(at + 1));
    return grpc::Status::OK;
  }

  grpc::Status ListExperiments(grpc::ServerContext* context, const v1::ListExperimentsRequest* request,
                               v1::ListExperimentsResponse* response) override {
    if (const auto status = enter(shared_, *context); !status.ok()) return status;
    const std::lock_guard lock(shared_.mutex);
    shared_.script.experiments_asked = *request;
    for (const v1::Experiment& one : shared_.script.experiments) *response->add_experiments() = one;
    return grpc::Status::OK;
  }

  grpc::Status ListWorkers(grpc::ServerContext* context, const v1::ListWorkersRequest*,
                           v1::ListWorkersResponse* response) override {
    if (const auto status = enter(shared_, *context); !status.ok()) return status;
    const std::lock_guard lock(shared_.mutex);
    for (const v1::Worker& worker : shared_.script.workers) *response->add_workers() = worker;
    return grpc::Status::OK;
  }

  grpc::Status CancelRun(grpc::ServerContext* context, const v1::CancelRunRequest* request,
                         v1::Run* response) override {
    if (const auto status = enter(shared_, *context); !status.ok()) return status;
    const std::lock_guard lock(shared_.mutex);
    shared_.script.cancelled.push_back(request->name());
    for (v1::Run& run : shared_.script.runs)
      if (run.name() == request->name()) {
        run.set_state(v1::RUN_STATE_CANCELLED);
        *response = run;
      }
    return grpc::Status::OK;
  }

  grpc::Status UpdateTags(grpc::ServerContext* context, const v1::UpdateTagsRequest* request,
                          v1::UpdateTagsResponse* response) override {
    if (const auto status = enter(shared_, *context); !status.ok()) return status;
    const std::lock_guard lock(shared_.mutex);
    shared_.script.tags_asked = *request;
    *response->mutable_tags() = request->set();
    return grpc::Status::OK;
  }

  grpc::Status UpdateNote(grpc::ServerContext* context, const v1::UpdateNoteRequest* request,
                          v1::UpdateNoteResponse*) override {
    if (const auto status = enter(shared_, *context); !status.ok()) return status;
    const std::lock_guard lock(shared_.mutex);
    shared_.script.note_asked = *request;
    return grpc::Status::OK;
  }

  grpc::Status Archive(grpc::ServerContext* context, const v1::ArchiveRequest* request,
                       v1::ArchiveResponse*) override {
    if (const auto status = enter(shared_, *context); !status.ok()) return status;
    const std::lock_guard lock(shared_.mutex);
    shared_.script.archived.push_back(*request);
    return grpc::Status::OK;
  }

  grpc::Status DeleteRun(grpc::ServerContext* context, const v1::DeleteRunRequest* request,
                         v1::DeleteResponse* response) override {
    return remove(*context, *request, *response);
  }

  grpc::Status DeleteExperiment(grpc::ServerContext* context, const v1::DeleteExperimentRequest* request,
                                v1::DeleteResponse* response) override {
    return remove(*context, *request, *response);
  }

  grpc::Status WatchRuns(grpc::ServerContext* context, const v1::WatchRunsRequest* request,
                         grpc::ServerWriter<v1::WatchRunsResponse>* writer) override {
    if (const auto status = enter(shared_, *context); !status.ok()) return status;
    std::unique_lock lock(shared_.mutex);
    for (int seen = -1;;) {
      shared_.changed.wait_for(lock, std::chrono::milliseconds(50),
                               [&] { return shared_.changes != seen || shared_.stopping; });
      if (shared_.stopping) return {grpc::StatusCode::UNAVAILABLE, "stopping"};
      if (context->IsCancelled()) return grpc::Status::CANCELLED;
      if (seen == shared_.changes) continue;
      const bool first = seen < 0;
      seen = shared_.changes;
      bool all = true;
      for (const v1::Run& run : shared_.script.runs) {
        if (std::find(request->names().begin(), request->names().end(), run.name()) == request->names().end())
          continue;
        v1::WatchRunsResponse response;
        *response.mutable_run() = run;
        writer->Write(response);
        all = all && finished(run);
      }
      if (first) ++shared_.script.watchers;
      if (all) return grpc::Status::OK;
    }
  }

 private:
  template <class Request>
  grpc::Status remove(grpc::ServerContext& context, const Request& request, v1::DeleteResponse& response) {
    if (const auto status = enter(shared_, context); !status.ok()) return status;
    const std::lock_guard lock(shared_.mutex);
    for (const v1::Run& run : shared_.script.runs)
      if (run.name() == request.name() && run.state() == v1::RUN_STATE_RUNNING)
        return {grpc::StatusCode::FAILED_PRECONDITION,
                "run " + run.run_id() + " is running; cancel it first"};
    response = shared_.script.deletion;
    if (!request.validate_only()) shared_.script.deleted.push_back(request.name());
    return grpc::Status::OK;
  }

  Shared& shared_;
};

class Queries : public v1::QueryService::Service {
 public:
  explicit Queries(Shared& shared) : shared_(shared) {}

  grpc::Status ListSeries(grpc::ServerContext* context, const v1::ListSeriesRequest*,
                          v1::ListSeriesResponse* response) override {
    if (const auto status = enter(shared_, *context); !status.ok()) return status;
    const std::lock_guard lock(shared_.mutex);
    for (const v1::SeriesInfo& one : shared_.script.series) *response->add_series() = one;
    return grpc::Status::OK;
  }

  grpc::Status GetSeries(grpc::ServerContext* context, const v1::GetSeriesRequest* request,
                         v1::GetSeriesResponse* response) override {
    if (const auto status = enter(shared_, *context); !status.ok()) return status;
    const std::lock_guard lock(shared_.mutex);
    const v1::SeriesColumn& whole = shared_.script.column;
    if (request->page_token().empty()) shared_.script.series_asked = *request;
    if (request->keys(0) != whole.key())
      return {grpc::StatusCode::NOT_FOUND, "no series '" + request->keys(0) + "'; it has " + whole.key()};
    v1::SeriesColumn& column = *response->add_columns();
    column.set_key(whole.key());
    column.set_count(whole.step_size());
    const int begin = request->page_token().empty() ? 0 : std::stoi(request->page_token());
    const int end = std::min(begin + kFakePage, whole.step_size());
    for (int i = begin; i < end; ++i) {
      column.add_step(whole.step(i));
      column.add_value(whole.value(i));
    }
    // Downsampled answers come in one page.
    if (end < whole.step_size() && request->points() == 0) response->set_next_page_token(std::to_string(end));
    return grpc::Status::OK;
  }

  grpc::Status CompareRuns(grpc::ServerContext* context, const v1::CompareRunsRequest* request,
                           v1::CompareRunsResponse* response) override {
    if (const auto status = enter(shared_, *context); !status.ok()) return status;
    const std::lock_guard lock(shared_.mutex);
    shared_.script.compared = *request;
    *response = shared_.script.comparison;
    return grpc::Status::OK;
  }

  grpc::Status GetInfluence(grpc::ServerContext* context, const v1::GetInfluenceRequest* request,
                            v1::GetInfluenceResponse* response) override {
    if (const auto status = enter(shared_, *context); !status.ok()) return status;
    const std::lock_guard lock(shared_.mutex);
    shared_.script.influence_asked = *request;
    if (request->step() > 1000)
      return {grpc::StatusCode::OUT_OF_RANGE, "no measurement at step " + std::to_string(request->step()) +
                                                  "; there is one every 9 steps from 0 to 315"};
    if (shared_.script.influence.cells().empty())
      return {grpc::StatusCode::FAILED_PRECONDITION, "nothing was measured yet"};
    *response = shared_.script.influence;
    return grpc::Status::OK;
  }

  grpc::Status GetInfluenceDifference(grpc::ServerContext* context,
                                      const v1::GetInfluenceDifferenceRequest* request,
                                      v1::GetInfluenceDifferenceResponse* response) override {
    if (const auto status = enter(shared_, *context); !status.ok()) return status;
    const std::lock_guard lock(shared_.mutex);
    shared_.script.difference_asked = *request;
    *response = shared_.script.difference;
    return grpc::Status::OK;
  }

  grpc::Status GetUpdateSizes(grpc::ServerContext* context, const v1::GetUpdateSizesRequest* request,
                              v1::GetUpdateSizesResponse* response) override {
    if (const auto status = enter(shared_, *context); !status.ok()) return status;
    const std::lock_guard lock(shared_.mutex);
    shared_.script.sizes_asked = *request;
    *response = shared_.script.sizes;
    return grpc::Status::OK;
  }

  grpc::Status GetPairs(grpc::ServerContext* context, const v1::GetPairsRequest* request,
                        v1::GetPairsResponse* response) override {
    if (const auto status = enter(shared_, *context); !status.ok()) return status;
    const std::lock_guard lock(shared_.mutex);
    shared_.script.pairs_asked = *request;
    const v1::GetPairsResponse& whole = shared_.script.pairs;
    const int probes = whole.per_class() * whole.class_names_size();
    if (probes == 0) return {grpc::StatusCode::NOT_FOUND, "the run has no pairs '" + request->key() + "'"};
    const int row = request->page_token().empty() ? 0 : std::stoi(request->page_token());
    *response = whole;
    response->set_first_row(row);
    response->clear_numerators();
    response->clear_denominators();
    for (int column = 0; column < probes; ++column) {
      response->add_numerators(whole.numerators(row * probes + column));
      response->add_denominators(whole.denominators(row * probes + column));
    }
    if (row > 0) response->clear_probes();
    if (row + 1 < probes) response->set_next_page_token(std::to_string(row + 1));
    return grpc::Status::OK;
  }

  grpc::Status GetPhases(grpc::ServerContext* context, const v1::GetPhasesRequest* request,
                         v1::GetPhasesResponse* response) override {
    if (const auto status = enter(shared_, *context); !status.ok()) return status;
    const std::lock_guard lock(shared_.mutex);
    shared_.script.phases_asked = *request;
    *response = shared_.script.phases;
    return grpc::Status::OK;
  }

 private:
  Shared& shared_;
};

class Admin : public v1::AdminService::Service {
 public:
  explicit Admin(Shared& shared) : shared_(shared) {}

  grpc::Status GetStatistics(grpc::ServerContext* context, const v1::GetStatisticsRequest*,
                             v1::Statistics* response) override {
    if (const auto status = enter(shared_, *context); !status.ok()) return status;
    response->set_version("0.1.0");
    response->set_database_bytes(4096);
    (*response->mutable_runs())["queued"] = 3;
    response->MergeFrom(shared_.script.statistics);
    return grpc::Status::OK;
  }

 private:
  Shared& shared_;
};

}  // namespace

struct FakeServer::Parts {
  Shared shared;
  Experiments experiments{shared};
  Queries queries{shared};
  Admin admin{shared};
  int port = 0;
  std::unique_ptr<grpc::Server> server;
};

FakeServer::FakeServer(Script script, int port) : parts_(std::make_unique<Parts>()) {
  parts_->shared.script = std::move(script);
  parts_->port = port;
  start();
}

FakeServer::~FakeServer() {
  stop();
}

std::string FakeServer::address() const {
  return "127.0.0.1:" + std::to_string(parts_->port);
}

int FakeServer::port() const {
  return parts_->port;
}

void FakeServer::change(const std::function<void(Script&)>& edit) {
  {
    const std::lock_guard lock(parts_->shared.mutex);
    edit(parts_->shared.script);
    ++parts_->shared.changes;
  }
  parts_->shared.changed.notify_all();
}

Script FakeServer::script() const {
  const std::lock_guard lock(parts_->shared.mutex);
  return parts_->shared.script;
}

void FakeServer::start() {
  {
    const std::lock_guard lock(parts_->shared.mutex);
    parts_->shared.stopping = false;
  }
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address(), grpc::InsecureServerCredentials(), &parts_->port);
  builder.RegisterService(&parts_->experiments);
  builder.RegisterService(&parts_->queries);
  builder.RegisterService(&parts_->admin);
  parts_->server = builder.BuildAndStart();
  if (!parts_->server || parts_->port == 0) throw std::runtime_error("the fake server cannot listen");
}

void FakeServer::stop() {
  {
    const std::lock_guard lock(parts_->shared.mutex);
    parts_->shared.stopping = true;
  }
  parts_->shared.changed.notify_all();
  if (parts_->server) parts_->server->Shutdown();
  parts_->server.reset();
}

Script two_runs() {
  Script script;
  v1::Experiment& experiment = script.experiments.emplace_back();
  experiment.set_name("experiments/shirts");
  experiment.set_run_count(2);
  for (const char* id : {"k3f9aaaa", "k3f1bbbb"}) {
    v1::Run& run = script.runs.emplace_back();
    run.set_name(std::string("experiments/shirts/runs/") + id);
    run.set_run_id(id);
    run.set_seed(static_cast<int>(script.runs.size()) - 1);
    run.set_step(-1);
    run.set_state(v1::RUN_STATE_QUEUED);
  }
  v1::Run& running = script.runs.front();
  running.set_state(v1::RUN_STATE_RUNNING);
  running.set_step(8);
  running.set_total_steps(322);
  running.set_worker("host-1");
  v1::LatestValue& loss = *running.add_latest();
  loss.set_key("train/loss");
  loss.set_step(8);
  loss.set_value(0.5);
  script.influence = small_influence();
  return script;
}

v1::GetInfluenceResponse small_influence() {
  v1::GetInfluenceResponse influence;
  influence.set_key("elasticity/kl");
  influence.set_description("Adam, fresh, lr 1e-3");
  influence.add_class_names("T-shirt");
  influence.add_class_names("bag");
  influence.add_steps(315);
  influence.add_runs("experiments/shirts/runs/k3f9aaaa");
  influence.set_shown("mean");
  const double means[] = {1.0, 0.25, 0.41, 0.125};
  const double spreads[] = {0.1, std::numeric_limits<double>::quiet_NaN(),
                            std::numeric_limits<double>::infinity(), 0.2};
  for (int i = 0; i < 4; ++i) {
    v1::InfluenceCell& cell = *influence.add_cells();
    cell.set_mean(means[i]);
    cell.set_sd(spreads[i]);
    cell.set_count(400);
    cell.set_ratio_of_means(i == 2 ? -std::numeric_limits<double>::infinity() : 0.5);
  }
  influence.mutable_cells(1)->set_count(397);
  influence.mutable_cells(1)->set_skipped(3);
  influence.mutable_dominance()->set_value(0.23);
  influence.mutable_dominance()->set_low(0.2);
  influence.mutable_dominance()->set_high(0.26);
  influence.add_selectivity()->set_value(1.42);
  influence.add_selectivity()->set_value(0.67);
  influence.mutable_asymmetry()->set_value(0.2);
  return influence;
}

}  // namespace hooke::test
