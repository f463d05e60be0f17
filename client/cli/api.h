// The server's methods as plain typed calls, so that one source file alone sees gRPC.
//
// Owned by the Context. Thread-safe. Every call throws hooke::Error with a message for the user;
// calls that only read, and those with a request_id, are tried again for a few seconds.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/sdk/endpoint.h"
#include "hooke/v1/access.pb.h"
#include "hooke/v1/admin.pb.h"
#include "hooke/v1/experiment.pb.h"
#include "hooke/v1/query.pb.h"
#include "hooke/v1/worker.pb.h"
#include "worker/uplink/uplink.h"

namespace hooke::cli {

// Changes of runs as they come. One thread reads; cancel() may come from another.
class RunStream {
 public:
  virtual ~RunStream() = default;
  // Waits for the next message. False: the stream has ended; see finish().
  virtual bool read(v1::Run& run) = 0;
  // Throws hooke::Error when the stream ended otherwise than in order.
  virtual void finish() = 0;
  virtual void cancel() = 0;
};

// What a list is asked for beside its parent; empty: as it comes, without archived ones.
struct ListWanted {
  std::string filter = {};
  std::string order_by = {};
  bool archived = false;  // archived ones too
  int at_most = 0;        // so many are enough; 0: all
};

// How long lease_segment() waits for a server that is away.
inline constexpr std::chrono::seconds kLeasePatience{30};

class Api {
 public:
  // `notice` gets what the user should know beside the answers.
  Api(sdk::Endpoint endpoint, std::function<void(const std::string&)> notice);
  ~Api();

  const sdk::Endpoint& endpoint() const;
  // Whether the server's health service says that it serves. Never throws.
  bool healthy(std::chrono::milliseconds deadline) const;

  v1::SubmitExperimentResponse submit(const v1::SubmitExperimentRequest& request);
  v1::LookupResponse lookup(const std::string& reference);
  v1::Run get_run(const std::string& name);
  v1::Run cancel_run(const std::string& name);
  v1::Run retry_run(const std::string& name);
  v1::Run extend_run(const std::string& name, std::int32_t epochs);
  v1::UpdateTagsResponse update_tags(const v1::UpdateTagsRequest& request);
  void update_note(const std::string& name, const std::string& note);
  void archive(const std::string& name, bool undo);
  // A run or an experiment, by its resource name; or only what that would delete.
  v1::DeleteResponse remove(const std::string& name, bool validate_only);
  void update_slurm_jobs(const v1::UpdateSlurmJobsRequest& request);
  std::unique_ptr<RunStream> watch(const std::vector<std::string>& names);

  // All pages.
  std::vector<v1::Run> list_runs(const std::string& parent, const ListWanted& options = {});
  std::vector<v1::Experiment> list_experiments(const ListWanted& options = {});
  std::vector<v1::Worker> list_workers();
  v1::CreateTokenResponse create_token(const v1::CreateTokenRequest& request);
  std::vector<v1::Token> list_tokens();
  v1::Token revoke_token(const std::string& name);
  // Only keys that begin with `prefix`.
  std::vector<v1::SeriesInfo> list_series(const std::string& run, const std::string& prefix = {});
  v1::GetSeriesResponse get_series(v1::GetSeriesRequest request);

  v1::GetUpdateSizesResponse get_update_sizes(const v1::GetUpdateSizesRequest& request);
  // Page by page, as large tables need not fit into memory twice.
  void get_pairs(v1::GetPairsRequest request, const std::function<void(const v1::GetPairsResponse&)>& use);

  // What is stored, then what comes, until the runs have ended; goes on at its cursor when the server was
  // away. `use` may throw.
  void tail(v1::TailRequest request, const std::function<void(const v1::TailResponse&)>& use);

  // Everything stored of a run, message after message.
  void export_run(const v1::ExportRunRequest& request,
                  const std::function<void(const v1::ExportRunResponse&)>& use);
  // `produce(send)` sends the columns, message by message; what it throws ends the import, and nothing is
  // stored. It is called again when the server could not be reached.
  using SendColumns = std::function<void(v1::ImportSeriesRequest&&)>;
  v1::ImportSeriesResponse import_series(v1::ImportSeriesRequest first,
                                         const std::function<void(const SendColumns&)>& produce);

  v1::GetInfluenceResponse get_influence(const v1::GetInfluenceRequest& request);
  v1::GetInfluenceDifferenceResponse get_influence_difference(
      const v1::GetInfluenceDifferenceRequest& request);
  v1::CompareRunsResponse compare_runs(const v1::CompareRunsRequest& request);
  v1::GetPhasesResponse get_phases(const v1::GetPhasesRequest& request);
  v1::Statistics get_statistics();
  v1::BackupResponse back_up(const std::string& name);
  // Bytes that were given back to the file system; with `only_say`, that would be.
  std::int64_t collect_garbage(bool only_say);
  v1::VerifyResponse verify();
  // Calls `each` for every message about the run's stored values.
  void read_records(const std::string& run, const std::function<void(v1::ReadRecordsResponse&)>& each);

  // The grant of a segment of an offline run, which is the run `submitted` when that is not empty. A server
  // that is away is waited for, for kLeasePatience.
  v1::LeaseGrant lease_segment(const v1::OfflineSegment& segment, const std::string& submitted = {});
  // Sends the spool of a grant; see Uplink.
  std::unique_ptr<uplink::Uplink> send_spool(const v1::LeaseGrant& grant, const std::filesystem::path& spool,
                                             uplink::Uplink::Notice notice);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace hooke::cli
