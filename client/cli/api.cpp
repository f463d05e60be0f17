#include "client/cli/api.h"

#include <unistd.h>

#include <thread>

#include "client/cli/inert.h"
#include "client/sdk/connection.h"
#include "client/sdk/uuid.h"
#include "hooke/v1/access.grpc.pb.h"
#include "hooke/v1/admin.grpc.pb.h"
#include "hooke/v1/experiment.grpc.pb.h"
#include "hooke/v1/query.grpc.pb.h"
#include "hooke/v1/worker.grpc.pb.h"
#include "hooke_version.h"

namespace hooke::cli {
namespace {

using Experiments = v1::ExperimentService::Stub;
using Queries = v1::QueryService::Stub;
using Admin = v1::AdminService::Stub;
using Workers = v1::WorkerService::Stub;
using Access = v1::AccessService::Stub;

constexpr int kPageSize = 1000;
// Phases of many seeds with their bootstrap take longer than a look-up.
constexpr sdk::CallOptions kAnalysis{.deadline = std::chrono::minutes(5)};
// Points are removed piece by piece while others go on writing.
constexpr sdk::CallOptions kDeletion{.deadline = std::chrono::hours(1), .idempotent = false};
constexpr sdk::CallOptions kOnce{.idempotent = false};
// Reads every page of the database.
constexpr sdk::CallOptions kWholeDatabase{.deadline = std::chrono::hours(6), .idempotent = false};

class WatchStream : public RunStream {
 public:
  WatchStream(sdk::Connection& connection, Experiments& stub, const std::vector<std::string>& names)
      : connection_(connection) {
    connection_.authorise(context_);
    v1::WatchRunsRequest request;
    for (const std::string& name : names) request.add_names(name);
    reader_ = stub.WatchRuns(&context_, request);
  }

  bool read(v1::Run& run) override {
    v1::WatchRunsResponse response;
    if (!reader_->Read(&response)) return false;
    run = std::move(*response.mutable_run());
    make_inert(run);
    return true;
  }

  void finish() override {
    const grpc::Status status = reader_->Finish();
    if (!status.ok()) throw connection_.error_of(status);
  }

  void cancel() override { context_.TryCancel(); }

 private:
  sdk::Connection& connection_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchRunsResponse>> reader_;
};

// Every page of a list: `call` answers a request, `items` takes the list out of the answer.
template <class Item, class Request, class Call, class Items>
std::vector<Item> all_pages(Request request, Call call, Items items, int at_most = 0) {
  std::vector<Item> all;
  request.set_page_size(at_most > 0 ? std::min(at_most, kPageSize) : kPageSize);
  do {
    auto response = call(request);
    for (Item& item : *items(response)) all.push_back(std::move(item));
    request.set_page_token(response.next_page_token());
    if (at_most > 0 && all.size() >= static_cast<std::size_t>(at_most)) break;
  } while (!request.page_token().empty());
  return all;
}

template <class Request>
Request list_request(const ListWanted& options) {
  Request request;
  request.set_filter(options.filter);
  request.set_order_by(options.order_by);
  request.set_show_archived(options.archived);
  return request;
}

}  // namespace

struct Api::Parts {
  Parts(sdk::Endpoint endpoint, std::function<void(const std::string&)> notice)
      : connection(std::move(endpoint), std::move(notice)),
        experiments(connection.channel()),
        queries(connection.channel()),
        admin(connection.channel()),
        access(connection.channel()),
        workers(connection.channel()) {}

  // A call whose answer a terminal may show.
  template <class... Arguments>
  auto ask(Arguments&&... arguments) {
    auto response = connection.call(std::forward<Arguments>(arguments)...);
    make_inert(response);
    return response;
  }

  sdk::Connection connection;
  Experiments experiments;
  Queries queries;
  Admin admin;
  Access access;
  Workers workers;
};

Api::Api(sdk::Endpoint endpoint, std::function<void(const std::string&)> notice)
    : parts_(std::make_unique<Parts>(std::move(endpoint), std::move(notice))) {}

Api::~Api() = default;

const sdk::Endpoint& Api::endpoint() const {
  return parts_->connection.endpoint();
}

bool Api::healthy(std::chrono::milliseconds deadline) const {
  return parts_->connection.healthy(deadline);
}

v1::SubmitExperimentResponse Api::submit(const v1::SubmitExperimentRequest& request) {
  return parts_->ask(parts_->experiments, &Experiments::SubmitExperiment, request);
}

v1::LookupResponse Api::lookup(const std::string& reference) {
  v1::LookupRequest request;
  request.set_reference(reference);
  return parts_->ask(parts_->experiments, &Experiments::Lookup, request);
}

v1::Run Api::get_run(const std::string& name) {
  v1::GetRunRequest request;
  request.set_name(name);
  return parts_->ask(parts_->experiments, &Experiments::GetRun, request);
}

v1::Run Api::cancel_run(const std::string& name) {
  v1::CancelRunRequest request;
  request.set_name(name);
  return parts_->ask(parts_->experiments, &Experiments::CancelRun, request, kOnce);
}

v1::Run Api::retry_run(const std::string& name) {
  v1::RetryRunRequest request;
  request.set_name(name);
  return parts_->ask(parts_->experiments, &Experiments::RetryRun, request, kOnce);
}

void Api::update_slurm_jobs(const v1::UpdateSlurmJobsRequest& request) {
  parts_->ask(parts_->experiments, &Experiments::UpdateSlurmJobs, request);
}

v1::Run Api::extend_run(const std::string& name, std::int32_t epochs) {
  v1::ExtendRunRequest request;
  request.set_name(name);
  request.set_epochs(epochs);
  return parts_->ask(parts_->experiments, &Experiments::ExtendRun, request, kOnce);
}

v1::UpdateTagsResponse Api::update_tags(const v1::UpdateTagsRequest& request) {
  return parts_->ask(parts_->experiments, &Experiments::UpdateTags, request);
}

void Api::update_note(const std::string& name, const std::string& note) {
  v1::UpdateNoteRequest request;
  request.set_name(name);
  request.set_note(note);
  parts_->ask(parts_->experiments, &Experiments::UpdateNote, request);
}

void Api::archive(const std::string& name, bool undo) {
  v1::ArchiveRequest request;
  request.set_name(name);
  request.set_undo(undo);
  parts_->ask(parts_->experiments, &Experiments::Archive, request);
}

v1::DeleteResponse Api::remove(const std::string& name, bool validate_only) {
  const auto call = [&](auto request, auto method) {
    request.set_name(name);
    request.set_validate_only(validate_only);
    return parts_->ask(parts_->experiments, method, request, validate_only ? sdk::CallOptions{} : kDeletion);
  };
  if (name.find("/runs/") != std::string::npos) return call(v1::DeleteRunRequest(), &Experiments::DeleteRun);
  return call(v1::DeleteExperimentRequest(), &Experiments::DeleteExperiment);
}

std::unique_ptr<RunStream> Api::watch(const std::vector<std::string>& names) {
  return std::make_unique<WatchStream>(parts_->connection, parts_->experiments, names);
}

std::vector<v1::Run> Api::list_runs(const std::string& parent, const ListWanted& options) {
  auto request = list_request<v1::ListRunsRequest>(options);
  request.set_parent(parent);
  return all_pages<v1::Run>(
      request,
      [&](const auto& page) { return parts_->ask(parts_->experiments, &Experiments::ListRuns, page); },
      [](auto& response) { return response.mutable_runs(); }, options.at_most);
}

std::vector<v1::Experiment> Api::list_experiments(const ListWanted& options) {
  return all_pages<v1::Experiment>(
      list_request<v1::ListExperimentsRequest>(options),
      [&](const auto& page) { return parts_->ask(parts_->experiments, &Experiments::ListExperiments, page); },
      [](auto& response) { return response.mutable_experiments(); }, options.at_most);
}

std::vector<v1::Worker> Api::list_workers() {
  return all_pages<v1::Worker>(
      v1::ListWorkersRequest(),
      [&](const auto& page) { return parts_->ask(parts_->experiments, &Experiments::ListWorkers, page); },
      [](auto& response) { return response.mutable_workers(); });
}

v1::CreateTokenResponse Api::create_token(const v1::CreateTokenRequest& request) {
  return parts_->ask(parts_->access, &Access::CreateToken, request, kOnce);
}

std::vector<v1::Token> Api::list_tokens() {
  return all_pages<v1::Token>(
      v1::ListTokensRequest(),
      [&](const auto& page) { return parts_->ask(parts_->access, &Access::ListTokens, page); },
      [](auto& response) { return response.mutable_tokens(); });
}

v1::Token Api::revoke_token(const std::string& name) {
  v1::RevokeTokenRequest request;
  request.set_name(name);
  return parts_->ask(parts_->access, &Access::RevokeToken, request);
}

std::vector<v1::SeriesInfo> Api::list_series(const std::string& run, const std::string& prefix) {
  v1::ListSeriesRequest request;
  request.set_run(run);
  request.set_prefix(prefix);
  return all_pages<v1::SeriesInfo>(
      request, [&](const auto& page) { return parts_->ask(parts_->queries, &Queries::ListSeries, page); },
      [](auto& response) { return response.mutable_series(); });
}

v1::GetSeriesResponse Api::get_series(v1::GetSeriesRequest request) {
  v1::GetSeriesResponse all;
  do {
    auto page = parts_->ask(parts_->queries, &Queries::GetSeries, request);
    request.set_page_token(page.next_page_token());
    if (all.columns().empty()) {
      all = std::move(page);
      continue;
    }
    for (int i = 0; i < page.columns_size() && i < all.columns_size(); ++i) {
      v1::SeriesColumn& column = *all.mutable_columns(i);
      column.mutable_step()->MergeFrom(page.columns(i).step());
      column.mutable_value()->MergeFrom(page.columns(i).value());
      column.mutable_sd()->MergeFrom(page.columns(i).sd());
      column.mutable_runs()->MergeFrom(page.columns(i).runs());
    }
  } while (!request.page_token().empty());
  all.clear_next_page_token();
  return all;
}

v1::GetUpdateSizesResponse Api::get_update_sizes(const v1::GetUpdateSizesRequest& request) {
  return parts_->ask(parts_->queries, &Queries::GetUpdateSizes, request, kAnalysis);
}

void Api::get_pairs(v1::GetPairsRequest request,
                    const std::function<void(const v1::GetPairsResponse&)>& use) {
  do {
    const auto page = parts_->ask(parts_->queries, &Queries::GetPairs, request);
    use(page);
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
}

namespace {

// Reads a stream to its end; what `use` throws cancels the call.
template <class Message>
grpc::Status read_all(grpc::ClientContext& context, grpc::ClientReader<Message>& reader,
                      const std::function<void(Message&)>& use) {
  try {
    for (Message message; reader.Read(&message);) use(message);
  } catch (...) {
    context.TryCancel();
    reader.Finish();
    throw;
  }
  return reader.Finish();
}

}  // namespace

void Api::tail(v1::TailRequest request, const std::function<void(const v1::TailResponse&)>& use) {
  constexpr std::chrono::seconds kPause{1};
  while (true) {
    grpc::ClientContext context;
    parts_->connection.authorise(context);
    const auto reader = parts_->queries.Tail(&context, request);
    const grpc::Status status = read_all<v1::TailResponse>(context, *reader, [&](auto& message) {
      request.set_cursor(message.cursor());
      make_inert(message);
      use(message);
    });
    if (status.ok()) return parts_->connection.note_version(context);
    // Before anything was heard, a server that is away is an error as with other calls.
    if (status.error_code() != grpc::StatusCode::UNAVAILABLE || request.cursor().empty())
      throw parts_->connection.error_of(status);
    std::this_thread::sleep_for(kPause);
  }
}

void Api::export_run(const v1::ExportRunRequest& request,
                     const std::function<void(const v1::ExportRunResponse&)>& use) {
  grpc::ClientContext context;
  parts_->connection.authorise(context);
  const auto reader = parts_->queries.ExportRun(&context, request);
  const grpc::Status status = read_all<v1::ExportRunResponse>(context, *reader, use);
  if (!status.ok()) throw parts_->connection.error_of(status);
  parts_->connection.note_version(context);
}

namespace {

// One try of an import: sends everything, or cancels the call when `produce` throws.
grpc::Status send_import(const sdk::Connection& connection, Experiments& stub,
                         const v1::ImportSeriesRequest& first,
                         const std::function<void(const Api::SendColumns&)>& produce,
                         v1::ImportSeriesResponse& response) {
  grpc::ClientContext context;
  connection.authorise(context);
  const auto writer = stub.ImportSeries(&context, &response);
  bool open = writer->Write(first);  // false: the server has ended the call, and Finish says why
  try {
    produce([&](v1::ImportSeriesRequest&& message) { open = open && writer->Write(message); });
  } catch (...) {
    context.TryCancel();
    writer->Finish();
    throw;
  }
  v1::ImportSeriesRequest last;
  last.set_last(true);
  if (open && writer->Write(last)) writer->WritesDone();
  return writer->Finish();
}

}  // namespace

v1::ImportSeriesResponse Api::import_series(v1::ImportSeriesRequest first,
                                            const std::function<void(const SendColumns&)>& produce) {
  constexpr int kTries = 3;
  constexpr std::chrono::seconds kPause{1};
  for (int tries = 1;; ++tries) {
    v1::ImportSeriesResponse response;
    const grpc::Status status =
        send_import(parts_->connection, parts_->experiments, first, produce, response);
    if (status.ok()) return response;
    // With the same request id nothing is imported twice.
    if (status.error_code() != grpc::StatusCode::UNAVAILABLE || tries == kTries)
      throw parts_->connection.error_of(status);
    std::this_thread::sleep_for(kPause);
  }
}

v1::GetInfluenceDifferenceResponse Api::get_influence_difference(
    const v1::GetInfluenceDifferenceRequest& request) {
  return parts_->ask(parts_->queries, &Queries::GetInfluenceDifference, request, kAnalysis);
}

v1::GetInfluenceResponse Api::get_influence(const v1::GetInfluenceRequest& request) {
  return parts_->ask(parts_->queries, &Queries::GetInfluence, request, kAnalysis);
}

v1::CompareRunsResponse Api::compare_runs(const v1::CompareRunsRequest& request) {
  return parts_->ask(parts_->queries, &Queries::CompareRuns, request, kAnalysis);
}

v1::GetPhasesResponse Api::get_phases(const v1::GetPhasesRequest& request) {
  return parts_->ask(parts_->queries, &Queries::GetPhases, request, kAnalysis);
}

v1::BackupResponse Api::back_up(const std::string& name) {
  v1::BackupRequest request;
  request.set_backup_id(name);
  return parts_->ask(parts_->admin, &Admin::Backup, request, kWholeDatabase);
}

std::int64_t Api::collect_garbage(bool only_say) {
  v1::CollectGarbageRequest request;
  request.set_validate_only(only_say);
  return parts_->ask(parts_->admin, &Admin::CollectGarbage, request, kWholeDatabase).bytes();
}

v1::VerifyResponse Api::verify() {
  return parts_->ask(parts_->admin, &Admin::Verify, v1::VerifyRequest(), kWholeDatabase);
}

void Api::read_records(const std::string& run, const std::function<void(v1::ReadRecordsResponse&)>& each) {
  v1::ReadRecordsRequest request;
  request.set_run(run);
  grpc::ClientContext context;
  parts_->connection.authorise(context);
  context.set_deadline(std::chrono::system_clock::now() + kWholeDatabase.deadline);
  const auto reader = parts_->admin.ReadRecords(&context, request);
  v1::ReadRecordsResponse message;
  while (reader->Read(&message)) {
    make_inert(message);
    try {
      each(message);
    } catch (...) {
      context.TryCancel();
      reader->Finish();
      throw;
    }
  }
  const grpc::Status status = reader->Finish();
  if (!status.ok()) throw parts_->connection.error_of(status);
}

v1::LeaseGrant Api::lease_segment(const v1::OfflineSegment& segment, const std::string& submitted) {
  v1::LeaseRequest request;
  request.set_run(submitted);
  request.set_request_id(sdk::make_uuid());
  char host[256] = {};
  request.set_worker(::gethostname(host, sizeof host - 1) == 0 ? std::string("sync-") + host : "sync");
  request.set_version(kVersion);
  *request.mutable_offline() = segment;
  // Sending goes on for long: a server that is being started again is waited for.
  // What goes on to a worker stays as it is.
  return parts_->connection.call(parts_->workers, &Workers::Lease, request, {.retry_for = kLeasePatience})
      .grant();
}

std::unique_ptr<uplink::Uplink> Api::send_spool(const v1::LeaseGrant& grant,
                                                const std::filesystem::path& spool,
                                                uplink::Uplink::Notice notice) {
  v1::AttemptRef attempt;
  attempt.set_run(grant.run());
  attempt.set_attempt(grant.attempt());
  attempt.set_token(grant.token());
  return std::make_unique<uplink::Uplink>(parts_->connection, attempt, spool, std::move(notice));
}

v1::Statistics Api::get_statistics() {
  return parts_->ask(parts_->admin, &Admin::GetStatistics, v1::GetStatisticsRequest());
}

}  // namespace hooke::cli
