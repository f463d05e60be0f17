// A server that answers from a script: the generated services over a real socket, no storage.
//
// Owned by a test. The script is read and changed under the server's lock: change() may come from
// any thread, and wakes those who watch.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hooke/v1/admin.pb.h"
#include "hooke/v1/experiment.pb.h"
#include "hooke/v1/query.pb.h"

namespace hooke::test {

struct Script {
  std::string token;              // wanted from every caller; empty: none
  std::string version = "0.1.0";  // told to every caller
  int unavailable = 0;            // so many calls are answered UNAVAILABLE first
  std::vector<v1::Experiment> experiments;
  std::vector<v1::Run> runs;
  std::vector<v1::SeriesInfo> series;
  v1::SeriesColumn column;  // the one series, paged by kFakePage points
  v1::GetInfluenceResponse influence;
  v1::GetInfluenceDifferenceResponse difference;
  v1::GetPhasesResponse phases;
  v1::GetUpdateSizesResponse sizes;
  v1::GetPairsResponse pairs;  // the one table, paged by one row
  v1::CompareRunsResponse comparison;
  v1::DeleteResponse deletion;
  std::vector<v1::Worker> workers;
  v1::Statistics statistics;  // on top of what every server says

  // What was asked.
  int calls = 0;
  int watchers = 0;  // streams of WatchRuns that have got every run once
  v1::SubmitExperimentRequest submitted;
  v1::GetInfluenceRequest influence_asked;
  v1::GetInfluenceDifferenceRequest difference_asked;
  v1::GetPhasesRequest phases_asked;
  v1::GetSeriesRequest series_asked;
  v1::GetPairsRequest pairs_asked;
  v1::GetUpdateSizesRequest sizes_asked;
  v1::ListRunsRequest runs_asked;
  v1::UpdateTagsRequest tags_asked;
  v1::UpdateNoteRequest note_asked;
  std::vector<v1::ArchiveRequest> archived;
  v1::CompareRunsRequest compared;
  std::vector<std::string> deleted;  // names, without the plans
  v1::ListExperimentsRequest experiments_asked;
  std::vector<std::string> cancelled;
};

inline constexpr int kFakePage = 2;

class FakeServer {
 public:
  // Port 0: any.
  explicit FakeServer(Script script, int port = 0);
  ~FakeServer();

  std::string address() const;
  int port() const;
  void change(const std::function<void(Script&)>& edit);
  // A copy.
  Script script() const;
  // Ends every call; what was scripted stays for start().
  void stop();
  // Serves again, on the same port.
  void start();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// Two runs, one running and one queued, of the experiment "shirts": k3f9aaaa and k3f1bbbb.
Script two_runs();

// A 2 x 2 influence of T-shirt and bag, with a NaN and an infinity among the spreads.
v1::GetInfluenceResponse small_influence();

}  // namespace hooke::test
